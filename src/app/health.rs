//! How the service is: asked of each part when somebody wants to know.

use std::sync::Arc;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use crate::{
    api::health::{Dependency, HealthReport, HealthSource, HealthStatus},
    cache::{BalanceCache, Freshness},
    db::{self, migrator::SchemaCheck},
    events::{bus::EventBus, relay::RelayState},
    ledger::posting_loop::PostingLoop,
};

/// Everything whose health matters.
#[derive(Clone)]
pub struct Health {
    pub db: db::Pool,
    pub posting_loop: PostingLoop,
    pub cache: Arc<dyn BalanceCache>,
    pub bus: Arc<dyn EventBus>,
    pub freshness: Arc<Freshness>,
    pub relays: Arc<RelayState>,
    /// Whether the database still is one that this binary can run on.
    pub schema: Arc<SchemaCheck>,
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
        let can_use_books = postgres.is_ok() && self.schema.fault().await.is_none();
        if postgres.is_ok() && !can_use_books {
            notes.push(
                "the database's tables are not those that this version needs; the log says why".to_owned(),
            );
        }
        let is_behind = !self.freshness.cache_may_answer();
        let relay_notes = self.relays.notes();
        let is_relayed = relay_notes.is_empty();
        notes.extend(relay_notes);
        let status = match (can_use_books, &cache, &bus) {
            (false, _, _) => HealthStatus::Down,
            (true, Ok(()), Ok(())) if !is_behind && is_relayed => HealthStatus::Ok,
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
        !self.stopping.is_cancelled()
            && db::ping(&self.db).await.is_ok()
            && self.schema.fault().await.is_none()
    }
}
