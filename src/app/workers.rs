//! Starts and stops the workers: the relays, the cache refresher, the cache's lease, the follower of the largest
//! transfers, the worker that books what is due, the worker of payouts, the reader of revocations, key expiry, the creation of topics, the sharing of limits.

use std::sync::Arc;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::{
    bootstrap::Shared,
    supervisor::{DeadTasks, Supervisor},
};
use crate::{
    accounts::CacheFill,
    cache::BalanceCache,
    config::{AppEnv, Config},
    consumers::{History, Lease, RefreshCache},
    events::{
        bus::{EventBus, Subscription},
        relay::Relay,
        topic_watcher::{RelayPositions, TopicWatcher},
        topics,
    },
    identity::{RevocationWorker, session_expiry},
    kernel::clock::Clock,
    ledger::{
        Ledger, due::DueWorker, key_expiry, log::Log, posting::queue_gauge,
        top_transfers::TopTransfersFollower,
    },
    limits::{self, SharedCounts},
    payouts::{Bank, PayoutWorker},
};

/// The services that the workers need.
pub struct Services {
    pub bus: Arc<dyn EventBus>,
    pub cache: Arc<dyn BalanceCache>,
    pub fill: Arc<dyn CacheFill>,
    pub clock: Arc<dyn Clock>,
    pub counts: Arc<dyn SharedCounts>,
    pub ledger: Arc<dyn Ledger>,
    /// None: there is no bank.
    pub bank: Option<Arc<dyn Bank>>,
    pub revocations: RevocationWorker,
}

/// Starts all workers. They end after `stop`, when the rows that are committed then are published. A worker that dies
/// before is restarted: each continues from the books, the cursors and the offsets, not from a state of its own.
pub fn start(
    config: &Config,
    shared: &Shared,
    services: Services,
    dead: DeadTasks,
    stop: &CancellationToken,
) -> Supervisor {
    let Services { bus, cache, fill, clock, counts, ledger, bank, revocations } = services;
    let topics = [config.topics.transactions.clone(), config.topics.status.clone()];
    let mut tasks = Supervisor::new(stop.clone(), dead);
    tasks.run_once("topics", {
        let (bus, topics) = (Arc::clone(&bus), topics.to_vec());
        move |stop| {
            let (bus, topics) = (Arc::clone(&bus), topics.clone());
            async move { stop.run_until_cancelled(topics::create(bus, topics)).await.unwrap_or_default() }
        }
    });
    let logs = [
        ("relay-entries", Log::Entries, Arc::clone(&shared.committed)),
        // Status changes are rare: that relay polls, a few times in a tenth of a second.
        ("relay-status-changes", Log::StatusChanges, Arc::new(Notify::new())),
    ];
    let positions = RelayPositions::default();
    let allows_other_books = config.app_env == AppEnv::Development;
    for ((task, log, committed), topic) in logs.into_iter().zip(topics.clone()) {
        let (database_url, bus) = (config.database_url.clone(), Arc::clone(&bus));
        let (state, position) = (Arc::clone(&shared.relays), positions.of(log));
        tasks.run(task, move |stop| {
            let (database_url, topic) = (database_url.clone(), topic.clone());
            let (bus, committed) = (Arc::clone(&bus), Arc::clone(&committed));
            let (state, position) = (Arc::clone(&state), Arc::clone(&position));
            Relay { database_url, log, topic, bus, committed, position, state, allows_other_books }.run(stop)
        });
    }
    let group = format!("{}-refresh-cache", config.kafka_group_prefix);
    tasks.run("lease", {
        let (database_url, bus, group) = (config.database_url.clone(), Arc::clone(&bus), group.clone());
        let (freshness, cache) = (Arc::clone(&shared.freshness), Arc::clone(&cache));
        move |stop| {
            let topic = if bus.is_durable() {
                TopicWatcher::new(database_url.clone())
            } else {
                TopicWatcher::of_this_process(database_url.clone(), positions.clone())
            };
            let (bus, freshness, cache) = (Arc::clone(&bus), Arc::clone(&freshness), Arc::clone(&cache));
            let (group, history) = (group.clone(), History::default());
            Lease { topic, bus, group, freshness, cache, history }.run(stop)
        }
    });
    let subscription = Subscription { group, topics: topics.to_vec() };
    let freshness = Arc::clone(&shared.freshness);
    tasks.run("refresher", move |stop| {
        let (cache, fill, freshness) = (Arc::clone(&cache), Arc::clone(&fill), Arc::clone(&freshness));
        let refresher = Arc::new(RefreshCache::new(cache, fill, Arc::clone(&clock), freshness));
        let (bus, subscription) = (Arc::clone(&bus), subscription.clone());
        async move { bus.serve(subscription, refresher, stop).await }
    });
    let database_url = config.database_url.clone();
    tasks.run("top-transfers", move |stop| {
        TopTransfersFollower { database_url: database_url.clone() }.run(stop)
    });
    if let Some(bank) = bank {
        let (db, ledger) = (shared.internal_db.clone(), Arc::clone(&ledger));
        tasks.run("payouts", move |stop| {
            PayoutWorker { db: db.clone(), ledger: Arc::clone(&ledger), bank: Arc::clone(&bank) }.run(stop)
        });
        let (db, queue) = (shared.internal_db.clone(), Arc::clone(&shared.payout_queue));
        tasks.run("payout-queue", move |stop| {
            let (db, queue) = (db.clone(), Arc::clone(&queue));
            async move { queue.count(db, stop).await }
        });
    }
    let database_url = config.database_url.clone();
    tasks.run("due", move |stop| {
        DueWorker { database_url: database_url.clone(), ledger: Arc::clone(&ledger) }.run(stop)
    });
    tasks.run("revocations", move |stop| revocations.clone().run(stop));
    let db = shared.db.clone();
    tasks.run("session-sweep", move |stop| session_expiry::run(db.clone(), stop));
    let db = shared.db.clone();
    tasks.run("key-sweep", move |stop| key_expiry::run(db.clone(), stop));
    let limits = Arc::clone(&shared.limits);
    tasks.run("limits", move |stop| limits::share(Arc::clone(&limits), Arc::clone(&counts), stop));
    let posting_loop = shared.posting_loop.clone();
    tasks.run("queue-gauge", move |stop| queue_gauge::run(posting_loop.clone(), stop));
    tasks
}
