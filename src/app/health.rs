//! The state of the service, read from its parts when it is requested.

use std::sync::Arc;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use super::{single_flight::SingleFlight, supervisor::DeadTasks};
use crate::{
    api::health::{Dependency, HealthReport, HealthSource, HealthStatus},
    cache::{BalanceCache, Freshness},
    db::{self, migrator::SchemaCheck},
    events::{bus::EventBus, relay::RelayState},
    ledger::posting::PostingLoop,
};

/// The parts whose health is reported.
#[derive(Clone)]
pub struct Health {
    /// The pool for the service's own queries.
    pub db: db::Pool,
    pub posting_loop: PostingLoop,
    pub cache: Arc<dyn BalanceCache>,
    pub bus: Arc<dyn EventBus>,
    pub freshness: Arc<Freshness>,
    pub relays: Arc<RelayState>,
    /// Whether this binary can still run on the database.
    pub schema: Arc<SchemaCheck>,
    /// Cancelled when the shutdown begins.
    pub stopping: CancellationToken,
    pub dead_tasks: DeadTasks,
    pub probes: Probes,
}

/// Whether each dependency answers, probed once at a time for the whole process.
#[derive(Clone, Default)]
pub struct Probes {
    books: SingleFlight<Books>,
    cache: SingleFlight<bool>,
    bus: SingleFlight<bool>,
}

/// The state of the books.
#[derive(Clone, Copy, Default)]
struct Books {
    /// Postgres answers.
    answers: bool,
    /// Postgres answers, and its tables are those that this version needs.
    are_usable: bool,
}

#[async_trait]
impl HealthSource for Health {
    async fn report(&self) -> HealthReport {
        let (books, cache, bus) = tokio::join!(self.books(), self.cache(), self.bus());
        let (length, max) = self.posting_loop.queue_length();
        let mut notes = Vec::new();
        if self.bus.name() == "in-process" {
            notes.push("KAFKA_BROKERS is empty: events stay in this process".to_owned());
        }
        if self.cache.name() == "in-process" {
            notes.push("REDIS_URL is empty: each process has a balance cache of its own".to_owned());
        }
        if books.answers && !books.are_usable {
            notes.push(
                "the database's tables are not those that this version needs; the log says why".to_owned(),
            );
        }
        let dead = self.dead_tasks.names();
        notes.extend(dead.iter().map(|task| format!("the task {task} has died and is started again soon")));
        let is_behind = !self.freshness.cache_may_answer();
        let relay_notes = self.relays.notes();
        let is_relayed = relay_notes.is_empty();
        notes.extend(relay_notes);
        let is_ok = cache && bus && !is_behind && is_relayed && dead.is_empty();
        let status = match (books.are_usable && self.posting_loop.is_running(), is_ok) {
            (false, _) => HealthStatus::Down,
            (true, true) => HealthStatus::Ok,
            (true, false) => HealthStatus::Degraded,
        };
        HealthReport {
            status,
            queue_length: u64::try_from(length).unwrap_or(u64::MAX),
            queue_max: u64::try_from(max).unwrap_or(u64::MAX),
            postgres: books.answers,
            cache: Dependency { kind: self.cache.name().to_owned(), ok: cache },
            bus: Dependency { kind: self.bus.name().to_owned(), ok: bus },
            topic_behind_ms: self.freshness.topic_behind_millis(),
            refresher_behind_ms: self.freshness.refresher_behind_millis(),
            notes,
        }
    }

    fn is_live(&self) -> bool {
        self.posting_loop.is_running() && self.dead_tasks.names().is_empty()
    }

    async fn is_ready(&self) -> bool {
        !self.stopping.is_cancelled()
            && self.posting_loop.is_running()
            && Box::pin(self.books()).await.are_usable
    }
}

impl Health {
    /// Postgres and the schema are checked at once, so that both results are there within one timeout.
    async fn books(&self) -> Books {
        let (db, schema) = (self.db.clone(), Arc::clone(&self.schema));
        let query = async move {
            let (ping, fault) = tokio::join!(db::ping(&db), schema.fault());
            Books { answers: ping.is_ok(), are_usable: ping.is_ok() && fault.is_none() }
        };
        self.probes.books.ask(Box::pin(query)).await.unwrap_or_default()
    }

    async fn cache(&self) -> bool {
        let cache = Arc::clone(&self.cache);
        self.probes.cache.ask(async move { cache.ping().await.is_ok() }).await.unwrap_or(false)
    }

    async fn bus(&self) -> bool {
        let bus = Arc::clone(&self.bus);
        self.probes.bus.ask(async move { bus.ping().await.is_ok() }).await.unwrap_or(false)
    }
}
