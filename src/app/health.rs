//! How the service is: asked of each part when somebody wants to know, and watched in between.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{
    api::health::{Dependency, HealthReport, HealthSource, HealthStatus},
    cache::{BalanceCache, Freshness, STALE_AFTER_MILLIS},
    db,
    events::{bus::EventBus, relay::LateRows, store},
    ledger::posting_loop::PostingLoop,
};

/// How often the watcher looks at how far the topic is behind.
const WATCH_EVERY: Duration = Duration::from_millis(500);

/// Everything whose health matters.
#[derive(Clone)]
pub struct Health {
    pub db: db::Pool,
    pub posting_loop: PostingLoop,
    pub cache: Arc<dyn BalanceCache>,
    pub bus: Arc<dyn EventBus>,
    pub freshness: Arc<Freshness>,
    pub late_rows: Arc<LateRows>,
    /// Cancelled when the process is on its way out.
    pub stopping: CancellationToken,
}

#[async_trait]
impl HealthSource for Health {
    async fn report(&self) -> HealthReport {
        let (postgres, cache, bus) = tokio::join!(db::ping(&self.db), self.cache.ping(), self.bus.ping());
        let (length, max) = self.posting_loop.queue_length();
        let mut notes = Vec::new();
        if self.bus.name() == "in-process" {
            notes.push("KAFKA_BROKERS is empty: events stay in this process".to_owned());
        }
        if self.cache.name() == "in-process" {
            notes.push("REDIS_URL is empty: each process has a balance cache of its own".to_owned());
        }
        let is_behind = self.freshness.topic_behind_millis() >= STALE_AFTER_MILLIS
            || self.freshness.refresher_behind_millis() >= STALE_AFTER_MILLIS;
        let late_rows = self.late_rows.count();
        if late_rows > 0 {
            notes.push(format!(
                "{late_rows} rows were published late: the log says which; compare books and topic"
            ));
        }
        let status = match (&postgres, &cache, &bus) {
            (Err(_), _, _) => HealthStatus::Down,
            (_, Ok(()), Ok(())) if !is_behind && late_rows == 0 => HealthStatus::Ok,
            _ => HealthStatus::Degraded,
        };
        HealthReport {
            status,
            queue_length: u64::try_from(length).unwrap_or(u64::MAX),
            queue_max: u64::try_from(max).unwrap_or(u64::MAX),
            postgres: postgres.is_ok(),
            cache: Dependency { kind: self.cache.name().to_owned(), ok: cache.is_ok() },
            bus: Dependency { kind: self.bus.name().to_owned(), ok: bus.is_ok() },
            topic_behind_ms: self.freshness.topic_behind_millis(),
            refresher_behind_ms: self.freshness.refresher_behind_millis(),
            notes,
        }
    }

    async fn is_ready(&self) -> bool {
        !self.stopping.is_cancelled() && db::ping(&self.db).await.is_ok()
    }
}

impl Health {
    /// Keeps [`Freshness`] and the gauges true until `stop`, so that a balance read knows whether it may trust the
    /// cache, also in a process that does not relay.
    pub async fn watch(self, stop: CancellationToken) {
        let mut topic = LastLook { at: Instant::now(), behind_millis: i64::MAX };
        // Nothing is known at the beginning, and the cache is not read.
        let mut was_stale = true;
        loop {
            #[allow(clippy::cast_precision_loss)] // a queue's length and a lag are far below 2^52
            let as_gauge = |value: i64| value as f64;
            let (length, _) = self.posting_loop.queue_length();
            metrics::gauge!("wallet_queue_operations")
                .set(as_gauge(i64::try_from(length).unwrap_or(i64::MAX)));
            if self.bus.is_durable() {
                let behind = topic.again(&self.db).await;
                self.freshness.topic_is_behind(behind);
                metrics::gauge!("wallet_topic_behind_seconds").set(as_gauge(behind) / 1000.0);
                let is_stale = !self.freshness.cache_may_answer();
                if is_stale != std::mem::replace(&mut was_stale, is_stale) {
                    if is_stale {
                        warn!("the cache is behind the books; balances are read from Postgres");
                    } else {
                        info!("the cache has caught up; balances are read from it again");
                    }
                }
            }
            if stop.run_until_cancelled(tokio::time::sleep(WATCH_EVERY)).await.is_none() {
                return;
            }
        }
    }
}

/// When Postgres last told how far the topic was behind the books.
struct LastLook {
    at: Instant,
    behind_millis: i64,
}

impl LastLook {
    /// How far the topic is behind now, at most. Without an answer: what was booked right after the last one may still
    /// not be in the topic, though nothing is booked while Postgres is away.
    async fn again(&mut self, db: &db::Pool) -> i64 {
        let at = Instant::now();
        match store::behind_millis(db).await {
            Ok(behind_millis) => {
                *self = Self { at, behind_millis };
                behind_millis
            }
            Err(_) => {
                let since = i64::try_from(self.at.elapsed().as_millis()).unwrap_or(i64::MAX);
                self.behind_millis.saturating_add(since)
            }
        }
    }
}
