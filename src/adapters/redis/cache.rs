//! The port's implementation.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use redis::{ErrorKind, FromRedisValue, Pipeline, RedisError, RedisResult, ServerErrorKind};
use tokio::time::Instant;
use uuid::Uuid;

use super::{
    address::RedisAddress,
    connection::Connection,
    counts::RedisCounts,
    fields::{self, Found, Reading, Write},
    keys::{mark_key, wallet_key},
    mark,
    reconnector::{self, Reconnector},
    scripts::{CallTokens, Scripts},
    tickets::{TICKET_TTL, life, ticket},
    unsynced_statuses::UnsyncedStatuses,
};
use crate::{
    cache::{BalanceCache, CacheError, CacheMark, KnownBefore, Lookup, Ticket, ViewPart, WalletView},
    kernel::{books::Standing, ids::WalletId},
};

/// How long a wallet's view is stored after its last change.
pub const TIME_TO_LIVE: Duration = Duration::from_secs(3_600);
/// Maximum number of parts in one round trip …
const ROUND_TRIP_PARTS_MAX: usize = 500;
/// … and in one call of a script: readers wait for its end, a fifth of a millisecond.
const CALL_PARTS_MAX: usize = 50;

/// The script's result for an invalid ticket.
const INVALID_TICKET: i64 = -2;

/// The balance cache in Redis.
pub struct RedisCache {
    /// In front of every key.
    prefix: String,
    time_to_live: Duration,
    scripts: Scripts,
    reconnector: Arc<Reconnector>,
    unsynced_statuses: UnsyncedStatuses,
    tokens: CallTokens,
}

impl RedisCache {
    /// A cache at this address, with `prefix` in front of every key. Must be called in a runtime: it connects in the
    /// background and retries without end. Only an invalid address is an error.
    pub fn connect(address: impl Into<RedisAddress>, prefix: &str) -> Result<Self, CacheError> {
        let scripts = Scripts::new();
        let reconnector =
            Reconnector::connect(&address.into(), scripts.clone()).map_err(|error| failure(&error))?;
        Ok(Self {
            prefix: prefix.to_owned(),
            time_to_live: TIME_TO_LIVE,
            scripts,
            reconnector,
            unsynced_statuses: UnsyncedStatuses::default(),
            tokens: CallTokens::new(),
        })
    }

    /// Why the Redis at this address can never be used, such as a node of a cluster. None: it can be used, or it cannot be
    /// reached, which is no reason not to start.
    pub async fn unusable(address: &RedisAddress) -> Result<Option<String>, CacheError> {
        reconnector::unusable(address).await.map_err(|error| failure(&error))
    }

    /// Stores views for this time instead of [`TIME_TO_LIVE`], in whole seconds. Where the bus loses its events with the
    /// process, no event corrects what a killed process has left here: then the time must be as short as a balance may be
    /// out of date.
    #[must_use]
    pub fn with_time_to_live(self, time_to_live: Duration) -> Self {
        Self { time_to_live, ..self }
    }

    /// The counts of the limits, over the same connection and with the same prefix.
    #[must_use]
    pub fn counts(&self) -> RedisCounts {
        RedisCounts::new(&self.prefix, Arc::clone(&self.reconnector))
    }

    /// The connection, after the statuses that could not be written before are written.
    async fn connection(&self) -> Result<Connection, CacheError> {
        let mut connection = self.reconnector.connection().map_err(|reason| {
            metrics::counter!("wallet_cache_errors_total").increment(1);
            CacheError(reason)
        })?;
        let unsynced = self.unsynced_statuses.all();
        if !unsynced.is_empty() {
            self.write(&mut connection, parts(&unsynced), &[]).await?;
            self.unsynced_statuses.remove(&unsynced);
        }
        Ok(connection)
    }

    fn outcome<T>(&self, connection: &Connection, outcome: RedisResult<T>) -> Result<T, CacheError> {
        outcome.map_err(|error| {
            metrics::counter!("wallet_cache_errors_total").increment(1);
            self.reconnector.failed(connection, &error);
            failure(&error)
        })
    }

    fn key(&self, wallet: WalletId) -> String {
        wallet_key(&self.prefix, wallet.0)
    }

    /// Writes the parts that are newer than those stored; with `states`, one for each part, only where the ticket is valid.
    /// Returns the script's results, in order.
    async fn write<'w>(
        &self,
        connection: &mut Connection,
        writes: impl ExactSizeIterator<Item = (WalletId, Write<'w>)> + Send,
        states: &[&str],
    ) -> Result<Vec<i64>, CacheError> {
        let writes: Vec<_> = writes.map(|(wallet, write)| (self.key(wallet), write)).collect();
        let mut pipeline = Pipeline::with_capacity(writes.len() / CALL_PARTS_MAX + 1);
        let (live, token) = (self.time_to_live.as_secs().max(1), self.tokens.next());
        let mut states = states.chunks(CALL_PARTS_MAX);
        for call in writes.chunks(CALL_PARTS_MAX) {
            let states = states.next().unwrap_or_default();
            let head =
                fields::Head { script: self.scripts.write.get_hash(), run: &connection.run, token: &token };
            pipeline.add_command(fields::write(&head, live, call, states));
        }
        let outcome = self.run::<Vec<Vec<i64>>>(&pipeline, connection).await;
        let answers = self.outcome(connection, outcome)?;
        self.reconnector.written();
        Ok(answers.concat())
    }

    /// Runs calls of scripts in one round trip. If the server's scripts were flushed, they are loaded again: the calls are
    /// idempotent.
    async fn run<T: FromRedisValue>(
        &self,
        pipeline: &Pipeline,
        connection: &mut Connection,
    ) -> RedisResult<T> {
        let outcome = pipeline.query_async(&mut connection.multiplexed).await;
        match outcome {
            Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                self.scripts.load(&mut connection.multiplexed).await?;
                pipeline.query_async(&mut connection.multiplexed).await
            }
            outcome => outcome,
        }
    }

    /// Takes tickets. `replace`: the stored hashes cannot be read and are replaced.
    async fn take(
        &self,
        connection: &mut Connection,
        wallets: &[WalletId],
        replace: bool,
    ) -> Result<Vec<Ticket>, CacheError> {
        let taken = Instant::now();
        let mut pipeline = Pipeline::with_capacity(wallets.len() / CALL_PARTS_MAX + 1);
        let token = self.tokens.next();
        for call in wallets.chunks(CALL_PARTS_MAX) {
            let keys: Vec<String> = call.iter().map(|wallet| self.key(*wallet)).collect();
            let head =
                fields::Head { script: self.scripts.tickets.get_hash(), run: &connection.run, token: &token };
            pipeline.add_command(fields::tickets(&head, TICKET_TTL, replace, &keys));
        }
        let outcome = self.run::<Vec<Vec<String>>>(&pipeline, connection).await;
        let lives = self.outcome(connection, outcome)?.concat();
        let ticket = |(wallet, life): (&WalletId, String)| ticket(*wallet, taken, connection, &life);
        Ok(wallets.iter().zip(lives).map(ticket).collect())
    }
}

fn parts(parts: &[(WalletId, ViewPart)]) -> impl ExactSizeIterator<Item = (WalletId, Write<'_>)> + Send {
    parts.iter().map(|(wallet, part)| (*wallet, Write::part(part)))
}

fn failure(error: &RedisError) -> CacheError {
    CacheError(error.to_string())
}

#[async_trait]
impl BalanceCache for RedisCache {
    async fn get(&self, wallet: WalletId) -> Result<Lookup, CacheError> {
        let mut connection = self.connection().await?;
        let asked = Instant::now();
        let found: RedisResult<Found> =
            fields::read(&self.key(wallet)).query_async(&mut connection.multiplexed).await;
        let replace = if found.as_ref().is_err_and(fields::is_of_another_type) {
            true
        } else {
            match fields::view(wallet, &connection.run, &self.outcome(&connection, found)?) {
                Reading::View(view) => return Ok(Lookup::Hit(view)),
                Reading::Incomplete(life) => {
                    return Ok(Lookup::Miss(ticket(wallet, asked, &connection, life)));
                }
                Reading::Nothing => false,
                Reading::Unreadable => true,
            }
        };
        let ticket = self.take(&mut connection, &[wallet], replace).await?.pop();
        ticket.map(Lookup::Miss).ok_or_else(|| CacheError("no ticket".to_owned()))
    }

    async fn tickets(&self, wallets: &[WalletId]) -> Result<Vec<Ticket>, CacheError> {
        let mut connection = self.connection().await?;
        let mut tickets = Vec::with_capacity(wallets.len());
        for chunk in wallets.chunks(ROUND_TRIP_PARTS_MAX) {
            tickets.extend(self.take(&mut connection, chunk, false).await?);
        }
        Ok(tickets)
    }

    async fn fill(&self, views: &[(Ticket, WalletView)]) -> Result<usize, CacheError> {
        let mut connection = self.connection().await?;
        let mut filled = 0;
        for chunk in views.chunks(ROUND_TRIP_PARTS_MAX) {
            let holding: Vec<(&WalletView, &str)> =
                chunk.iter().filter_map(|(ticket, view)| Some((view, life(ticket, &connection)?))).collect();
            let states: Vec<&str> = holding.iter().map(|(_, life)| *life).collect();
            if states.is_empty() {
                continue;
            }
            let writes = holding.iter().map(|(view, _)| (view.id, Write::both(view)));
            let answers = self.write(&mut connection, writes, &states).await?;
            filled += answers.iter().filter(|answer| **answer != INVALID_TICKET).count();
        }
        Ok(filled)
    }

    async fn refresh(&self, changed: &[(WalletId, ViewPart)]) -> Result<Vec<KnownBefore>, CacheError> {
        let written = async {
            let mut connection = self.connection().await?;
            let mut known = Vec::with_capacity(changed.len());
            for chunk in changed.chunks(ROUND_TRIP_PARTS_MAX) {
                let answers = self.write(&mut connection, parts(chunk), &[]).await?;
                known.extend(answers.into_iter().map(|version| (version >= 0).then_some(version)));
            }
            Ok(known)
        };
        written.await.inspect_err(|_| self.unsynced_statuses.add(changed))
    }

    async fn mark(&self) -> Result<Option<CacheMark>, CacheError> {
        let mut connection = self.connection().await?;
        let found = mark::read(&mark_key(&self.prefix)).query_async(&mut connection.multiplexed).await;
        self.outcome(&connection, mark::mark(found))
    }

    async fn adopt(
        &self,
        known: Option<CacheMark>,
        standing: &Standing,
        is_to_be_replaced: bool,
    ) -> Result<(), CacheError> {
        let mut connection = self.connection().await?;
        let read = known.as_ref().map_or("", |known| known.epoch.as_str());
        let goes_on = known.as_ref().is_some_and(|known| standing.continues(&known.standing));
        let epoch =
            if goes_on && !is_to_be_replaced { read.to_owned() } else { Uuid::new_v4().simple().to_string() };
        let new = CacheMark { standing: standing.clone(), epoch };
        let mut pipeline = Pipeline::with_capacity(1);
        pipeline.add_command(mark::note(self.scripts.adopt.get_hash(), &mark_key(&self.prefix), read, &new));
        let outcome = self.run::<Vec<i64>>(&pipeline, &mut connection).await;
        if self.outcome(&connection, outcome)? != [1] {
            return Err(CacheError("another process has changed the mark".to_owned()));
        }
        // The generation and the lineage are in the epoch: it is renewed with them.
        self.reconnector.adopt(&connection, &format!("{}/{}", standing.books.generation, new.epoch));
        Ok(())
    }

    fn has_adopted(&self) -> bool {
        self.reconnector.connection().is_ok_and(|connection| connection.has_adopted)
    }

    async fn ping(&self) -> Result<(), CacheError> {
        let mut connection = self.connection().await?;
        let answer: RedisResult<()> = redis::cmd("PING").exec_async(&mut connection.multiplexed).await;
        self.outcome(&connection, answer)?;
        self.reconnector.refusal().map_or(Ok(()), |reason| Err(CacheError(reason)))
    }

    fn name(&self) -> &'static str {
        "redis"
    }
}
