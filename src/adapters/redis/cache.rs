//! The port's implementation.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use redis::{ErrorKind, FromRedisValue, Pipeline, RedisError, RedisResult, Script, ServerErrorKind};

use super::{
    fields::{self, Found, Write},
    link::{Keeper, Link},
    missed::Missed,
};
use crate::{
    cache::{BalanceCache, CacheError, ViewPart, WalletView},
    kernel::ids::WalletId,
};

/// How long a wallet that nobody touches is remembered.
pub const TIME_TO_LIVE: Duration = Duration::from_secs(3_600);

/// As many parts go in one round trip …
const CHUNK: usize = 500;
/// … and as many of them in one call: readers wait for its end, a fifth of a millisecond.
const CALL: usize = 50;

/// The balance cache in Redis.
pub struct RedisCache {
    /// In front of every key.
    prefix: String,
    time_to_live: Duration,
    script: Script,
    keeper: Arc<Keeper>,
    missed: Missed,
}

impl RedisCache {
    /// A cache at `redis://host:port/number`, with `prefix` in front of every key. It connects in the background, of
    /// the runtime that this must be called in; a Redis that is away is tried again and again. Only an address that
    /// is none is an error.
    pub fn connect(url: &str, prefix: &str) -> Result<Self, CacheError> {
        let script = Script::new(include_str!("newer_only.lua"));
        let keeper = Keeper::connect(url, script.clone()).map_err(|error| failure(&error))?;
        Ok(Self {
            prefix: prefix.to_owned(),
            time_to_live: TIME_TO_LIVE,
            script,
            keeper,
            missed: Missed::default(),
        })
    }

    /// Remembers wallets for so long instead of [`TIME_TO_LIVE`], in whole seconds. Where the bus forgets its events
    /// with the process, nobody mends what a process that was killed has left here: then it must be as short as a
    /// balance may be out of date.
    #[must_use]
    pub fn remembering_for(self, time_to_live: Duration) -> Self {
        Self { time_to_live, ..self }
    }

    /// A connection to a Redis that has missed nothing of what this process had to say.
    async fn link(&self) -> Result<Link, CacheError> {
        let mut link = self.keeper.link().ok_or_else(|| {
            metrics::counter!("wallet_cache_errors_total").increment(1);
            CacheError("Redis is away".to_owned())
        })?;
        let missed = self.missed.all();
        if !missed.is_empty() {
            self.tell(&mut link, parts(&missed)).await?;
            self.missed.forget(&missed);
        }
        Ok(link)
    }

    fn outcome<T>(&self, link: &Link, outcome: RedisResult<T>) -> Result<T, CacheError> {
        outcome.map_err(|error| {
            metrics::counter!("wallet_cache_errors_total").increment(1);
            self.keeper.failed(link, &error);
            failure(&error)
        })
    }

    fn key(&self, wallet: WalletId) -> String {
        format!("{}w:{wallet}", self.prefix)
    }

    async fn tell<'w>(
        &self,
        link: &mut Link,
        writes: impl ExactSizeIterator<Item = (WalletId, Write<'w>)> + Send,
    ) -> Result<(), CacheError> {
        let writes: Vec<_> = writes.map(|(wallet, write)| (self.key(wallet), write)).collect();
        let mut pipeline = Pipeline::with_capacity(writes.len() / CALL + 1);
        let live = self.time_to_live.as_secs().max(1);
        for call in writes.chunks(CALL) {
            pipeline.add_command(fields::write(self.script.get_hash(), &link.run, live, call));
        }
        let mut outcome = run::<Vec<i64>>(&pipeline, link).await;
        if outcome.as_ref().is_err_and(|error| error.kind() == ErrorKind::Server(ServerErrorKind::NoScript)) {
            // Somebody flushed the server's scripts. Writing twice does no harm.
            outcome = match self.keeper.load(&mut link.connection).await {
                Ok(()) => run(&pipeline, link).await,
                Err(error) => Err(error),
            };
        }
        self.outcome(link, outcome).map(drop)
    }
}

fn parts(parts: &[(WalletId, ViewPart)]) -> impl ExactSizeIterator<Item = (WalletId, Write<'_>)> + Send {
    parts.iter().map(|(wallet, part)| (*wallet, Write::part(part)))
}

async fn run<T: FromRedisValue>(pipeline: &Pipeline, link: &mut Link) -> RedisResult<T> {
    pipeline.query_async(&mut link.connection).await
}

fn failure(error: &RedisError) -> CacheError {
    CacheError(error.to_string())
}

#[async_trait]
impl BalanceCache for RedisCache {
    async fn get(&self, wallet: WalletId) -> Result<Option<WalletView>, CacheError> {
        let mut link = self.link().await?;
        let found: RedisResult<Found> =
            fields::read(&self.key(wallet)).query_async(&mut link.connection).await;
        Ok(fields::view(wallet, &link.run, &self.outcome(&link, found)?))
    }

    async fn fill(&self, view: &WalletView) -> Result<(), CacheError> {
        let mut link = self.link().await?;
        self.tell(&mut link, std::iter::once((view.id, Write::both(view)))).await
    }

    async fn refresh(&self, changed: &[(WalletId, ViewPart)]) -> Result<(), CacheError> {
        let told = async {
            let mut link = self.link().await?;
            for chunk in changed.chunks(CHUNK) {
                self.tell(&mut link, parts(chunk)).await?;
            }
            Ok(())
        };
        told.await.inspect_err(|_| self.missed.remember(changed))
    }

    async fn ping(&self) -> Result<(), CacheError> {
        let mut link = self.link().await?;
        let answer: RedisResult<()> = redis::cmd("PING").exec_async(&mut link.connection).await;
        self.outcome(&link, answer)
    }

    fn name(&self) -> &'static str {
        "redis"
    }
}
