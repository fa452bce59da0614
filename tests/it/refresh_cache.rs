//! The refresher, over every bus and cache, and what it says of how far it is behind.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use chrono::Utc;
use shaku::HasComponent;
use tokio::{task::JoinHandle, time::sleep};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use wallet::{
    accounts::{Accounts, CacheFill},
    adapters::{
        clock::SystemClock,
        in_process::{InProcessBus, InProcessCache},
    },
    app::{bootstrap, module},
    cache::{BalanceCache, Freshness, WalletView},
    config::Config,
    consumers::{History, Lease, RefreshCache},
    events::{
        bus::{Consumer, EventBus, Message, Subscription},
        event::{Deltas, Event, STATUS_CHANGED, StatusChanged, TRANSACTION_CREATED, TransactionCreated},
        topic_watcher::TopicWatcher,
    },
    kernel::{clock::rfc3339_micros, ids::CustomerXid},
    ledger::{Action, Ledger},
};

use crate::{
    cache::redis,
    support::{
        app::settings_for,
        bus::{Served, kafka, unique, until},
        database::TestDatabase,
        fragile_cache::Fragile,
        no_books::NoBooks,
        operations::{deposit, operation},
        own_server::OwnServer,
        servers::servers,
        views::{Untroubled, money, status, wallet},
    },
};

/// The event of a wallet's n-th entry.
fn entry(topic: &str, view: &WalletView, version: i64) -> Event {
    let money = money(version);
    let body = TransactionCreated {
        transaction_id: Uuid::new_v4(),
        wallet_id: view.id.0,
        customer_xid: view.owner.0,
        r#type: "deposit".to_owned(),
        status: "success".to_owned(),
        step: "booked".to_owned(),
        amount: 111,
        fee: 0,
        delta: 111,
        deltas: Deltas { available: 100, held: 10, unreleased: 1 },
        currency: view.currency.to_string(),
        balance: money.balance(),
        available_balance: money.available,
        held: money.held,
        unreleased: money.unreleased,
        version,
        generation: 1,
        reference_id: None,
        occurred_at: rfc3339_micros(Utc::now()),
        hash: String::new(),
    };
    made(topic, view, TRANSACTION_CREATED, serde_json::to_vec(&body).unwrap())
}

/// The event of a wallet's n-th status change: enabled at odd numbers.
fn change(topic: &str, view: &WalletView, version: i64) -> Event {
    let status = status(version);
    let body = StatusChanged {
        wallet_id: view.id.0,
        customer_xid: view.owner.0,
        status: if status.enabled { "enabled" } else { "disabled" }.to_owned(),
        frozen: false,
        status_version: version,
        generation: 1,
        occurred_at: rfc3339_micros(status.enabled_at.or(status.disabled_at).unwrap()),
    };
    made(topic, view, STATUS_CHANGED, serde_json::to_vec(&body).unwrap())
}

fn made(topic: &str, view: &WalletView, kind: &str, payload: Vec<u8>) -> Event {
    Event {
        topic: topic.to_owned(),
        key: view.id.to_string(),
        headers: vec![("ce_type", kind.to_owned())],
        payload,
    }
}

/// A refresher at work, and the lease of its cache over books in which nothing waits for its relay.
struct Refreshing {
    _db: TestDatabase,
    behind: Box<dyn Fn() -> Duration + Send + Sync>,
    freshness: Arc<Freshness>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Refreshing {
    async fn begin(
        bus: &Arc<dyn EventBus>,
        cache: Arc<dyn BalanceCache>,
        group: &str,
        topics: &[&str],
    ) -> Self {
        let db = TestDatabase::create().await;
        let freshness = Arc::new(Freshness::default());
        let refresher: Arc<dyn Consumer> = {
            let (cache, freshness) = (Arc::clone(&cache), Arc::clone(&freshness));
            Arc::new(RefreshCache::new(cache, Arc::new(NoBooks), Arc::new(SystemClock), freshness))
        };
        let stop = CancellationToken::new();
        let lease = Lease {
            topic: TopicWatcher::new(db.url.clone()),
            bus: Arc::clone(bus),
            group: group.to_owned(),
            freshness: Arc::clone(&freshness),
            cache,
            history: History::default(),
        };
        tokio::spawn(lease.run(stop.clone()));
        let subscription = Subscription {
            group: group.to_owned(),
            topics: topics.iter().map(|topic| (*topic).to_owned()).collect(),
        };
        let task = tokio::spawn({
            let (bus, stop) = (Arc::clone(bus), stop.clone());
            async move { bus.serve(subscription, refresher, stop).await }
        });
        let (bus, group) = (Arc::clone(bus), group.to_owned());
        Self { _db: db, behind: Box::new(move || bus.progress(&group).behind()), freshness, stop, task }
    }

    async fn caught_up(&self) {
        until("the refresher has caught up", || (self.behind)() == Duration::ZERO).await;
    }

    async fn may_be_read(&self) {
        until("the cache may be read", || self.freshness.cache_may_answer()).await;
    }

    async fn stop(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }
}

async fn the_cache_follows_the_topics(bus: Arc<dyn EventBus>, cache: Arc<dyn BalanceCache>) {
    let (entries, changes) = (unique("entries"), unique("changes"));
    let dead = format!("{entries}.dlq");
    bus.make_topics(&[entries.clone(), changes.clone(), dead.clone()]).await.unwrap();
    let refreshing =
        Refreshing::begin(&bus, Arc::clone(&cache), &unique("refresher"), &[&entries, &changes]).await;
    let letters = Served::begin(&bus, &unique("letters"), &[&dead]).await;
    refreshing.caught_up().await;
    // Until the lease has noted the books in the cache, what is written there is forgotten again.
    refreshing.may_be_read().await;
    let views: Vec<WalletView> = (0..10).map(|_| wallet(0)).collect();
    let mut events: Vec<Event> = views.iter().map(|view| change(&changes, view, 1)).collect();
    events.extend(
        (1..=30)
            .flat_map(|version| views.iter().map(move |view| (view, version)))
            .map(|(view, version)| entry(&entries, view, version)),
    );
    // In the midst of it, what nobody can understand.
    let strange = [
        made(&entries, &views[0], "wallet.transaction.created.v9", b"{}".to_vec()),
        made(&entries, &views[0], TRANSACTION_CREATED, b"not json".to_vec()),
        Event { headers: Vec::new(), ..entry(&entries, &views[0], 31) },
        made(&entries, &views[0], STATUS_CHANGED, br#"{"wallet_id":"x"}"#.to_vec()),
    ];
    for (n, event) in strange.into_iter().enumerate() {
        events.insert(100 + n * 10, event);
    }
    // A repeat of old ones at the end.
    events.push(entry(&entries, &views[0], 3));
    bus.publish(&events).await.unwrap();
    // Each is seen once: the cache inside the process forgets a view after two seconds.
    let mut unseen: Vec<WalletView> = views.clone();
    for _ in 0..6_000 {
        for view in std::mem::take(&mut unseen) {
            let expected = WalletView { money: money(30), status: status(1), ..view };
            if cache.found(view.id).await.unwrap() != Some(expected) {
                unseen.push(view);
            }
        }
        if unseen.is_empty() {
            break;
        }
        sleep(Duration::from_millis(10)).await;
    }
    assert!(unseen.is_empty(), "{unseen:?}");
    until("the strange ones are put aside", || letters.listener.count() == 4).await;
    for letter in letters.listener.received().iter() {
        assert!(letter.header("dlq_error").is_some_and(|value| !value.is_empty()));
    }
    refreshing.caught_up().await;
    refreshing.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_follows_kafka() {
    let cache = redis(&servers().redis_url).await;
    the_cache_follows_the_topics(kafka(&servers().kafka_brokers), cache).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_in_process_cache_follows_the_in_process_bus() {
    // Found within two seconds, or never.
    the_cache_follows_the_topics(Arc::new(InProcessBus::default()), Arc::new(InProcessCache::default()))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_follows_the_in_process_bus() {
    let cache = redis(&servers().redis_url).await;
    the_cache_follows_the_topics(Arc::new(InProcessBus::default()), cache).await;
}

/// Behind when the cache cannot be written, and not behind when it can again; also when nothing comes any more.
async fn a_cache_that_cannot_be_written_is_not_read(bus: Arc<dyn EventBus>) {
    let topic = unique("stuck");
    bus.make_topics(std::slice::from_ref(&topic)).await.unwrap();
    let cache = Arc::new(Fragile::default());
    let refreshing =
        Refreshing::begin(&bus, Arc::clone(&cache) as Arc<dyn BalanceCache>, &unique("refresher"), &[&topic])
            .await;
    refreshing.may_be_read().await;
    cache.fails.store(true, Ordering::Relaxed);
    let view = wallet(0);
    bus.publish(&[entry(&topic, &view, 1)]).await.unwrap();
    sleep(Duration::from_millis(3_500)).await;
    assert!(!refreshing.freshness.cache_may_answer(), "{}", refreshing.freshness.refresher_behind_millis());
    // No message comes after it: the number must not stand for ever.
    cache.fails.store(false, Ordering::Relaxed);
    refreshing.may_be_read().await;
    refreshing.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cache_that_cannot_be_written_is_not_read_with_kafka() {
    a_cache_that_cannot_be_written_is_not_read(kafka(&servers().kafka_brokers)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cache_that_cannot_be_written_is_not_read_in_process() {
    a_cache_that_cannot_be_written_is_not_read(Arc::new(InProcessBus::default())).await;
}

/// A process that starts after a crash finds Redis as the dead one left it, and a group whose partitions nobody has.
#[tokio::test(flavor = "multi_thread")]
async fn until_the_group_is_known_to_have_caught_up_the_cache_is_not_read() {
    let bus: Arc<dyn EventBus> = kafka(&servers().kafka_brokers);
    let topic = unique("start");
    bus.make_topics(std::slice::from_ref(&topic)).await.unwrap();
    let views: Vec<WalletView> = (0..100).map(|_| wallet(0)).collect();
    let events: Vec<Event> = views.iter().map(|view| entry(&topic, view, 1)).collect();
    bus.publish(&events).await.unwrap();
    let cache = Arc::new(Fragile::default());
    cache.fails.store(true, Ordering::Relaxed);
    let refreshing =
        Refreshing::begin(&bus, Arc::clone(&cache) as Arc<dyn BalanceCache>, &unique("refresher"), &[&topic])
            .await;
    for _ in 0..30 {
        assert!(!refreshing.freshness.cache_may_answer());
        sleep(Duration::from_millis(50)).await;
    }
    cache.fails.store(false, Ordering::Relaxed);
    refreshing.caught_up().await;
    refreshing.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_goes_away_and_comes_back_is_refreshed() {
    let server = OwnServer::redis().await;
    let cache = redis(server.address()).await;
    let bus: Arc<dyn EventBus> = kafka(&servers().kafka_brokers);
    let (entries, changes) = (unique("entries"), unique("changes"));
    bus.make_topics(&[entries.clone(), changes.clone()]).await.unwrap();
    let refreshing = Refreshing::begin(
        &bus,
        Arc::clone(&cache) as Arc<dyn BalanceCache>,
        &unique("refresher"),
        &[&entries, &changes],
    )
    .await;
    refreshing.caught_up().await;
    let view = wallet(0);
    bus.publish(&[change(&changes, &view, 1), entry(&entries, &view, 1)]).await.unwrap();
    refreshing.caught_up().await;
    server.stop().await;
    bus.publish(&[change(&changes, &view, 2), change(&changes, &view, 3), entry(&entries, &view, 2)])
        .await
        .unwrap();
    sleep(Duration::from_millis(3_500)).await;
    assert!(!refreshing.freshness.cache_may_answer());
    server.start().await;
    refreshing.caught_up().await;
    let expected = WalletView { money: money(2), status: status(3), ..view };
    assert_eq!(cache.found(view.id).await.unwrap(), Some(expected));
    refreshing.stop().await;
}

/// The consumer alone: of each part only the newest is written, and what is poison is named.
#[tokio::test]
async fn the_refresher_names_what_it_cannot_understand() {
    let refresher = RefreshCache::new(
        Arc::new(InProcessCache::default()),
        Arc::new(NoBooks),
        Arc::new(SystemClock),
        Arc::default(),
    );
    let view = wallet(0);
    let of = |event: Event| Message {
        topic: event.topic,
        key: Some(event.key.into_bytes()),
        payload: Some(event.payload),
        headers: event
            .headers
            .into_iter()
            .map(|(key, value)| (key.to_owned(), Some(value.into_bytes())))
            .collect(),
    };
    let good = of(entry("t", &view, 1));
    let altered = |from: &str, to: &str| {
        let text = String::from_utf8(good.payload.clone().unwrap()).unwrap();
        assert!(text.contains(from));
        Message { payload: Some(text.replace(from, to).into_bytes()), ..good.clone() }
    };
    let with_type =
        |value: Option<Vec<u8>>| Message { headers: vec![("ce_type".to_owned(), value)], ..good.clone() };
    let messages = [
        good.clone(),
        altered("\"USD\"", "\"dollars\""),
        altered("\"version\":1", "\"version\":0"),
        altered("\"version\":1", "\"version\":1.5"),
        altered("\"version\":1", "\"version\":\"1\""),
        altered("\"occurred_at\":\"", "\"occurred_at\":\"yesterday "),
        altered("\"wallet_id\":\"", "\"wallet_id\":\"x"),
        Message { payload: None, ..good.clone() },
        with_type(None),
        with_type(Some(vec![0xff])),
        of(change("t", &view, 1)),
    ];
    let named: Vec<usize> = refresher.consume(&messages).await.into_iter().map(|(index, _)| index).collect();
    assert_eq!(named, [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assert_eq!(refresher.consume(&[]).await, []);
}

/// As a bus hands it over.
fn message(event: Event) -> Message {
    Message {
        topic: event.topic,
        key: Some(event.key.into_bytes()),
        payload: Some(event.payload),
        headers: event
            .headers
            .into_iter()
            .map(|(key, value)| (key.to_owned(), Some(value.into_bytes())))
            .collect(),
    }
}

/// Messages that never reached the topic: inside a batch, and between one batch and the next.
#[tokio::test(flavor = "multi_thread")]
async fn a_wallet_whose_message_is_missing_is_read_from_the_books() {
    let db = TestDatabase::create().await;
    let config = Config::of(&settings_for(&db)).unwrap();
    let module = module::build(&config, bootstrap::connect(&config).unwrap());
    let (cache, fill): (Arc<dyn BalanceCache>, Arc<dyn CacheFill>) = (module.resolve(), module.resolve());
    let (accounts, ledger): (Arc<dyn Accounts>, Arc<dyn Ledger>) = (module.resolve(), module.resolve());
    crate::support::wait::until("the cache", Duration::from_secs(10), async || cache.ping().await.ok()).await;
    let refresher = RefreshCache::new(Arc::clone(&cache), fill, Arc::new(SystemClock), Arc::default());
    for batches in [&[&[1, 2, 5][..]][..], &[&[1, 2], &[5]]] {
        let opened = accounts.open(CustomerXid(Uuid::new_v4()), None).await.unwrap();
        let enabled = ledger.post(operation(opened.wallet, Action::Enable)).await.unwrap();
        assert!(enabled.decision.is_ok(), "{enabled:?}");
        for _ in 0..6 {
            ledger.post(deposit(opened.wallet, 70)).await.unwrap();
        }
        let books = accounts.view(opened.wallet, Some(6)).await.unwrap();
        assert_eq!(cache.found(books.id).await.unwrap(), None, "nobody has filled it");
        for versions in batches {
            let messages: Vec<Message> =
                versions.iter().map(|version| message(entry("t", &books, *version))).collect();
            assert_eq!(refresher.consume(&messages).await, []);
        }
        assert_eq!(cache.found(books.id).await.unwrap(), Some(books));
    }
}
