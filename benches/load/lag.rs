//! Measures how far topic and cache are behind the books.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use hdrhistogram::Histogram;
use redis::aio::MultiplexedConnection;
use sqlx::PgConnection;
use uuid::Uuid;
use wallet::adapters::redis::wallet_key;

use super::{
    connection::{Connection, header},
    request::{References, Request, RequestIds, Wallet},
    server::Server,
};

/// Timeout for the cache to catch up.
const CATCH_UP_TIMEOUT: Duration = Duration::from_secs(30);
/// Maximum number of wallets that are read in one round trip.
const WALLETS_PER_ROUND_TRIP: usize = 1_000;
/// Interval between two probes of freshness.
const PROBE_INTERVAL: Duration = Duration::from_millis(20);

/// The cache that the service under load writes.
#[derive(Clone)]
pub struct Cache {
    redis: MultiplexedConnection,
    prefix: String,
}

/// The lag at the end of the load.
#[derive(Clone, Copy, Debug)]
pub struct Lag {
    /// The age of the oldest entry that was not in the topic when the load ended, or the lag in `/health` if that is more.
    pub topic_behind_ms: f64,
    /// The lag in `/health` right after the load.
    pub refresher_behind_ms: f64,
    /// From the end of the load until the cache showed the last version of every wallet; none: not within the timeout.
    pub cache_caught_up_ms: Option<f64>,
}

impl Cache {
    pub async fn connect(url: &str, prefix: String) -> Result<Self> {
        let client = redis::Client::open(url).context("REDIS_URL")?;
        Ok(Self {
            redis: client.get_multiplexed_async_connection().await.context("REDIS_URL: cannot connect")?,
            prefix,
        })
    }

    /// The version of each wallet's money in the cache.
    async fn versions(&mut self, wallets: &[(Uuid, i64)]) -> Result<Vec<Option<i64>>> {
        let mut pipeline = redis::Pipeline::with_capacity(wallets.len());
        for (wallet, _) in wallets {
            pipeline.hget(self.key(*wallet), "version");
        }
        Ok(pipeline.query_async(&mut self.redis).await?)
    }

    async fn version(&mut self, wallet: Uuid) -> Result<Option<i64>> {
        let key = self.key(wallet);
        Ok(redis::cmd("HGET").arg(key).arg("version").query_async(&mut self.redis).await?)
    }

    /// The key that the service's adapter uses.
    fn key(&self, wallet: Uuid) -> String {
        wallet_key(&self.prefix, wallet)
    }

    /// Deletes the run's keys.
    pub async fn clear(&mut self) -> Result<()> {
        let mut cursor = 0_u64;
        loop {
            let (next, keys): (u64, Vec<String>) = redis::cmd("SCAN")
                .arg(cursor)
                .arg("MATCH")
                .arg(format!("{}*", self.prefix))
                .arg("COUNT")
                .arg(WALLETS_PER_ROUND_TRIP)
                .query_async(&mut self.redis)
                .await?;
            if !keys.is_empty() {
                let _: u64 = redis::cmd("UNLINK").arg(keys).query_async(&mut self.redis).await?;
            }
            if next == 0 {
                return Ok(());
            }
            cursor = next;
        }
    }
}

/// Measures the lag of topic and cache right after the load, and waits until they have caught up.
pub async fn measure(server: &Server, books: &mut PgConnection, cache: &mut Cache) -> Result<Lag> {
    let ended = Instant::now();
    let topic: f64 = sqlx::query_scalar(TOPIC_BEHIND_MS).fetch_one(&mut *books).await?;
    // Concurrently: the service checks every server that it uses before it answers, which takes time.
    let (health, cache_caught_up_ms) = tokio::join!(server.health(), caught_up(ended, books, cache));
    let health = health?;
    Ok(Lag {
        topic_behind_ms: topic.max(health.topic_behind_ms),
        refresher_behind_ms: health.refresher_behind_ms,
        cache_caught_up_ms: cache_caught_up_ms?,
    })
}

/// The age of the oldest entry beyond the relay's cursor.
const TOPIC_BEHIND_MS: &str = "select coalesce((
    select extract(epoch from clock_timestamp() - occurred_at)::float8 * 1000 from entries
    where position > (select position from cursors where log = 'entries') order by position limit 1), 0)";

/// When the cache showed the last version of every wallet, in milliseconds after the load had ended.
async fn caught_up(ended: Instant, books: &mut PgConnection, cache: &mut Cache) -> Result<Option<f64>> {
    let sql = "select id, version from wallets where version > 0";
    let mut behind: Vec<(Uuid, i64)> = sqlx::query_as(sql).fetch_all(books).await?;
    while !behind.is_empty() && ended.elapsed() < CATCH_UP_TIMEOUT {
        let mut still = Vec::new();
        for chunk in behind.chunks(WALLETS_PER_ROUND_TRIP) {
            let cached = cache.versions(chunk).await?;
            let pairs = chunk.iter().zip(cached);
            let late = pairs.filter(|(wallet, cached)| cached.is_none_or(|version| version < wallet.1));
            still.extend(late.map(|(wallet, _)| *wallet));
        }
        behind = still;
        if !behind.is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    Ok(behind.is_empty().then(|| ended.elapsed().as_secs_f64() * 1_000.0))
}

/// The time from the answer of a deposit until the cache shows it, in microseconds, measured repeatedly for `length`.
pub async fn probe(
    server: std::net::SocketAddr,
    wallet: Wallet,
    mut cache: Cache,
    length: Duration,
) -> Result<Histogram<u64>> {
    let mut found = Histogram::new_with_bounds(1, CATCH_UP_TIMEOUT.as_micros() as u64, 3)?;
    let mut connection = Connection::open(server).await?;
    let request = Request::deposit(server, &wallet.token, 1);
    let (references, mut bytes, began) = (References::new(), Vec::new(), Instant::now());
    while began.elapsed() < length {
        request.write(&RequestIds { reference: references.next(), ..RequestIds::default() }, &mut bytes);
        let answer = connection.exchange(&bytes).await?;
        let answered = Instant::now();
        let version = header(answer.head, b"wallet-version").and_then(|version| version.parse::<i64>().ok());
        let version =
            version.with_context(|| format!("a deposit got {} without Wallet-Version", answer.status))?;
        while cache.version(wallet.id).await?.is_none_or(|cached| cached < version)
            && answered.elapsed() < CATCH_UP_TIMEOUT
        {
            // The runtime's timers have a resolution of a millisecond: the measured time is at most that too long.
            tokio::time::sleep(Duration::from_micros(500)).await;
        }
        found.saturating_record(answered.elapsed().as_micros() as u64);
        tokio::time::sleep(PROBE_INTERVAL).await;
    }
    Ok(found)
}
