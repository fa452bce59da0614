//! The port's implementation.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use redis::{ErrorKind, FromRedisValue, Pipeline, RedisError, RedisResult, ServerErrorKind};
use tokio::time::Instant;
use uuid::Uuid;

use super::{
    address::RedisAddress,
    counts::RedisCounts,
    fields::{self, Found, Reading, Write},
    link::{self, Keeper, Link},
    mark,
    missed::Missed,
    scripts::Scripts,
};
use crate::{
    cache::{BalanceCache, CacheError, CacheMark, KnownBefore, Lookup, Ticket, ViewPart, WalletView},
    kernel::{books::Standing, ids::WalletId},
};

/// How long a wallet that nobody touches is remembered.
pub const TIME_TO_LIVE: Duration = Duration::from_secs(3_600);
/// How long a ticket holds: much longer than a read of Postgres takes.
const TICKET_HOLDS: Duration = Duration::from_millis(400);
/// The version of the keys' format; another one does not read what this one has written.
const FORMAT: &str = "w2";

/// The key of a wallet's view, behind the prefix.
#[must_use]
pub fn wallet_key(prefix: &str, wallet: Uuid) -> String {
    format!("{prefix}{FORMAT}:{wallet}")
}

/// Maximum number of parts in one round trip …
const CHUNK: usize = 500;
/// … and in one call: readers wait for its end, a fifth of a millisecond.
const CALL: usize = 50;

/// What the script answers where a ticket does not hold.
const REFUSED: i64 = -2;

/// The balance cache in Redis.
pub struct RedisCache {
    /// In front of every key.
    prefix: String,
    time_to_live: Duration,
    scripts: Scripts,
    keeper: Arc<Keeper>,
    missed: Missed,
    /// Tells this process's calls from those of others …
    process: u64,
    /// … and from each other.
    calls: AtomicU64,
}

impl RedisCache {
    /// A cache at this address, with `prefix` in front of every key. It connects in the background, of
    /// the runtime that this must be called in; a Redis that is away is tried again and again. Only an address that
    /// is none is an error.
    pub fn connect(address: impl Into<RedisAddress>, prefix: &str) -> Result<Self, CacheError> {
        let scripts = Scripts::new();
        let keeper = Keeper::connect(&address.into(), scripts.clone()).map_err(|error| failure(&error))?;
        let (random, _) = Uuid::new_v4().as_u64_pair();
        Ok(Self {
            prefix: prefix.to_owned(),
            time_to_live: TIME_TO_LIVE,
            scripts,
            keeper,
            missed: Missed::default(),
            process: random >> 16,
            calls: AtomicU64::new(0),
        })
    }

    /// Why the Redis at this address can never be used, such as a node of a cluster; none: it can, or it is away, which is
    /// no reason not to start.
    pub async fn unusable(address: &RedisAddress) -> Result<Option<String>, CacheError> {
        link::unusable(address).await.map_err(|error| failure(&error))
    }

    /// Remembers wallets for so long instead of [`TIME_TO_LIVE`], in whole seconds. Where the bus forgets its events
    /// with the process, nobody mends what a process that was killed has left here: then it must be as short as a
    /// balance may be out of date.
    #[must_use]
    pub fn remembering_for(self, time_to_live: Duration) -> Self {
        Self { time_to_live, ..self }
    }

    /// The sums of the limits, over the same connection and with the same prefix.
    #[must_use]
    pub fn counts(&self) -> RedisCounts {
        RedisCounts::new(&self.prefix, Arc::clone(&self.keeper))
    }

    /// A connection to a Redis that has missed nothing of what this process had to say.
    async fn link(&self) -> Result<Link, CacheError> {
        let mut link = self.keeper.link().map_err(|reason| {
            metrics::counter!("wallet_cache_errors_total").increment(1);
            CacheError(reason)
        })?;
        let missed = self.missed.all();
        if !missed.is_empty() {
            self.write(&mut link, parts(&missed), &[]).await?;
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
        wallet_key(&self.prefix, wallet.0)
    }

    fn mark_key(&self) -> String {
        format!("{}{FORMAT}:books", self.prefix)
    }

    /// A token that no other call of a script has.
    fn token(&self) -> String {
        format!("{:x}.{:x}", self.process, self.calls.fetch_add(1, Ordering::Relaxed))
    }

    /// Writes the parts that are newer than what is there; with `states`, one for each, only where they hold. Answers
    /// as the script does, in order.
    async fn write<'w>(
        &self,
        link: &mut Link,
        writes: impl ExactSizeIterator<Item = (WalletId, Write<'w>)> + Send,
        states: &[&str],
    ) -> Result<Vec<i64>, CacheError> {
        let writes: Vec<_> = writes.map(|(wallet, write)| (self.key(wallet), write)).collect();
        let mut pipeline = Pipeline::with_capacity(writes.len() / CALL + 1);
        let (live, token) = (self.time_to_live.as_secs().max(1), self.token());
        let mut states = states.chunks(CALL);
        for call in writes.chunks(CALL) {
            let states = states.next().unwrap_or_default();
            let head = fields::Head { script: self.scripts.write.get_hash(), run: &link.run, token: &token };
            pipeline.add_command(fields::write(&head, live, call, states));
        }
        let outcome = self.run::<Vec<Vec<i64>>>(&pipeline, link).await;
        let answers = self.outcome(link, outcome)?;
        self.keeper.written();
        Ok(answers.concat())
    }

    /// Runs calls of scripts, whose answers all come together. Should somebody have flushed the server's scripts, they
    /// are loaded again: doing a call twice does no harm.
    async fn run<T: FromRedisValue>(&self, pipeline: &Pipeline, link: &mut Link) -> RedisResult<T> {
        let outcome = pipeline.query_async(&mut link.connection).await;
        match outcome {
            Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                self.scripts.load(&mut link.connection).await?;
                pipeline.query_async(&mut link.connection).await
            }
            outcome => outcome,
        }
    }

    /// Takes tickets. `anew`: what is there cannot be read and goes.
    async fn take(
        &self,
        link: &mut Link,
        wallets: &[WalletId],
        anew: bool,
    ) -> Result<Vec<Ticket>, CacheError> {
        let taken = Instant::now();
        let mut pipeline = Pipeline::with_capacity(wallets.len() / CALL + 1);
        let token = self.token();
        for call in wallets.chunks(CALL) {
            let keys: Vec<String> = call.iter().map(|wallet| self.key(*wallet)).collect();
            let head =
                fields::Head { script: self.scripts.tickets.get_hash(), run: &link.run, token: &token };
            pipeline.add_command(fields::tickets(&head, TICKET_HOLDS, anew, &keys));
        }
        let outcome = self.run::<Vec<Vec<String>>>(&pipeline, link).await;
        let lives = self.outcome(link, outcome)?.concat();
        let ticket = |(wallet, life): (&WalletId, String)| ticket(*wallet, taken, link, &life);
        Ok(wallets.iter().zip(lives).map(ticket).collect())
    }
}

fn parts(parts: &[(WalletId, ViewPart)]) -> impl ExactSizeIterator<Item = (WalletId, Write<'_>)> + Send {
    parts.iter().map(|(wallet, part)| (*wallet, Write::part(part)))
}

/// The state is the connection's number and the life of the hash.
fn ticket(wallet: WalletId, taken: Instant, link: &Link, life: &str) -> Ticket {
    Ticket { wallet, taken, state: format!("{}@{life}", link.number) }
}

/// The life of the hash that the ticket was taken for, if it was taken over this connection and not too long ago.
fn life<'t>(ticket: &'t Ticket, link: &Link) -> Option<&'t str> {
    let (number, life) = ticket.state.split_once('@')?;
    (number.parse() == Ok(link.number) && ticket.taken.elapsed() < TICKET_HOLDS).then_some(life)
}

fn failure(error: &RedisError) -> CacheError {
    CacheError(error.to_string())
}

#[async_trait]
impl BalanceCache for RedisCache {
    async fn get(&self, wallet: WalletId) -> Result<Lookup, CacheError> {
        let mut link = self.link().await?;
        let asked = Instant::now();
        let found: RedisResult<Found> =
            fields::read(&self.key(wallet)).query_async(&mut link.connection).await;
        let anew = if found.as_ref().is_err_and(fields::is_of_another_type) {
            true
        } else {
            match fields::view(wallet, &link.run, &self.outcome(&link, found)?) {
                Reading::View(view) => return Ok(Lookup::Hit(view)),
                Reading::Incomplete(life) => return Ok(Lookup::Miss(ticket(wallet, asked, &link, life))),
                Reading::Nothing => false,
                Reading::Unreadable => true,
            }
        };
        let ticket = self.take(&mut link, &[wallet], anew).await?.pop();
        ticket.map(Lookup::Miss).ok_or_else(|| CacheError("no ticket".to_owned()))
    }

    async fn tickets(&self, wallets: &[WalletId]) -> Result<Vec<Ticket>, CacheError> {
        let mut link = self.link().await?;
        let mut tickets = Vec::with_capacity(wallets.len());
        for chunk in wallets.chunks(CHUNK) {
            tickets.extend(self.take(&mut link, chunk, false).await?);
        }
        Ok(tickets)
    }

    async fn fill(&self, views: &[(Ticket, WalletView)]) -> Result<usize, CacheError> {
        let mut link = self.link().await?;
        let mut filled = 0;
        for chunk in views.chunks(CHUNK) {
            let holding: Vec<(&WalletView, &str)> =
                chunk.iter().filter_map(|(ticket, view)| Some((view, life(ticket, &link)?))).collect();
            let states: Vec<&str> = holding.iter().map(|(_, life)| *life).collect();
            if states.is_empty() {
                continue;
            }
            let writes = holding.iter().map(|(view, _)| (view.id, Write::both(view)));
            let answers = self.write(&mut link, writes, &states).await?;
            filled += answers.iter().filter(|answer| **answer != REFUSED).count();
        }
        Ok(filled)
    }

    async fn refresh(&self, changed: &[(WalletId, ViewPart)]) -> Result<Vec<KnownBefore>, CacheError> {
        let told = async {
            let mut link = self.link().await?;
            let mut known = Vec::with_capacity(changed.len());
            for chunk in changed.chunks(CHUNK) {
                let answers = self.write(&mut link, parts(chunk), &[]).await?;
                known.extend(answers.into_iter().map(|version| (version >= 0).then_some(version)));
            }
            Ok(known)
        };
        told.await.inspect_err(|_| self.missed.remember(changed))
    }

    async fn mark(&self) -> Result<Option<CacheMark>, CacheError> {
        let mut link = self.link().await?;
        let found = mark::read(&self.mark_key()).query_async(&mut link.connection).await;
        self.outcome(&link, mark::mark(found))
    }

    async fn adopt(
        &self,
        known: Option<CacheMark>,
        standing: &Standing,
        is_to_be_replaced: bool,
    ) -> Result<(), CacheError> {
        let mut link = self.link().await?;
        let read = known.as_ref().map_or("", |known| known.epoch.as_str());
        let goes_on = known.as_ref().is_some_and(|known| standing.continues(&known.standing));
        let epoch =
            if goes_on && !is_to_be_replaced { read.to_owned() } else { Uuid::new_v4().simple().to_string() };
        let new = CacheMark { standing: standing.clone(), epoch };
        let mut pipeline = Pipeline::with_capacity(1);
        pipeline.add_command(mark::note(self.scripts.adopt.get_hash(), &self.mark_key(), read, &new));
        let outcome = self.run::<Vec<i64>>(&pipeline, &mut link).await;
        if self.outcome(&link, outcome)? != [1] {
            return Err(CacheError("another process has changed the mark".to_owned()));
        }
        // The generation and the lineage are in the epoch: it is renewed with them.
        self.keeper.adopt(&link, &format!("{}/{}", standing.books.generation, new.epoch));
        Ok(())
    }

    fn has_adopted(&self) -> bool {
        self.keeper.link().is_ok_and(|link| link.has_adopted)
    }

    async fn ping(&self) -> Result<(), CacheError> {
        let mut link = self.link().await?;
        let answer: RedisResult<()> = redis::cmd("PING").exec_async(&mut link.connection).await;
        self.outcome(&link, answer)?;
        self.keeper.refusal().map_or(Ok(()), |reason| Err(CacheError(reason)))
    }

    fn name(&self) -> &'static str {
        "redis"
    }
}
