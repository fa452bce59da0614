//! The relay: nothing is skipped, nothing comes before its commit, however the batches interleave.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use wallet::{
    adapters::embedded::InProcessBus,
    events::{
        bus::{Consumer, EventBus, Message, Poison, Subscription},
        relay::Relay,
    },
    kernel::ids::WalletId,
    ledger::{book::Book, log::Log, posting_loop::PostingLoop, store},
};

use super::support::{
    database::TestDatabase,
    operations::{deposit, settings},
    wait::until,
};

/// Keeps the `ce_id` of everything that it hears.
#[derive(Default)]
struct Heard(Mutex<Vec<String>>);

#[async_trait]
impl Consumer for Heard {
    async fn consume(&self, messages: &[Message]) -> Vec<(usize, Poison)> {
        let id =
            |message: &Message| message.headers.iter().find(|(name, _)| name == "ce_id").unwrap().1.clone();
        self.0.lock().unwrap().extend(messages.iter().map(id));
        Vec::new()
    }
}

/// A relay of the money log into a bus of this process, and what is heard there.
struct Listening {
    heard: Arc<Heard>,
    stop: CancellationToken,
}

impl Listening {
    async fn on(db: &TestDatabase) -> Self {
        let bus: Arc<dyn EventBus> = Arc::new(InProcessBus::default());
        let (heard, stop) = (Arc::new(Heard::default()), CancellationToken::new());
        let subscription = Subscription { group: "heard".to_owned(), topics: vec!["money".to_owned()] };
        let (serving, consumer, stop_serving) = (Arc::clone(&bus), Arc::clone(&heard), stop.clone());
        tokio::spawn(async move { serving.serve(subscription, consumer, stop_serving).await });
        let relay = Relay {
            database_url: db.url.clone(),
            log: Log::Entries,
            topic: "money".to_owned(),
            bus,
            committed: Arc::new(Notify::new()),
        };
        tokio::spawn(relay.run(stop.clone()));
        // Both are at work when the first entry is heard.
        tokio::time::sleep(Duration::from_millis(300)).await;
        Self { heard, stop }
    }

    fn ids(&self) -> Vec<String> {
        self.heard.0.lock().unwrap().clone()
    }

    async fn hears(&self, ids: &[String]) {
        until(&format!("{ids:?}"), Duration::from_secs(5), async || (self.ids() == ids).then_some(())).await;
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn id(wallet: WalletId, version: i64) -> String {
    format!("{wallet}:{version}")
}

/// The interleaving that a plain cursor, and a comparison of transaction ids, lose a row in:
///
/// 1. a slow batch is handed position 1 and does not commit;
/// 2. a quick batch of another server is handed position 2 and commits;
/// 3. the relay looks: position 2 is there, position 1 is not to be seen;
/// 4. the slow batch commits.
#[tokio::test]
async fn a_slow_batch_of_another_server_is_not_skipped() {
    let db = TestDatabase::create().await;
    let wallets = db.wallets(2).await;
    let listening = Listening::on(&db).await;

    let mut slow = store::connect(&db.url).await.unwrap();
    store::control(&mut slow, "begin").await.unwrap();
    let locked = store::lock(&mut slow, &wallets[..1]).await.unwrap();
    let recalled = store::recall(&mut slow, &[]).await.unwrap();
    let mut book = Book::new(locked, [], []);
    book.apply(&deposit(wallets[0], 10), recalled.now).decision.unwrap();
    store::write(&mut slow, &book.into_changes()).await.unwrap();

    let quick = PostingLoop::start(settings(&db.url), Arc::default());
    quick.post(deposit(wallets[1], 20)).await.unwrap();

    // Long enough for the relay to look ten times and more.
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert_eq!(
        listening.ids(),
        Vec::<String>::new(),
        "the gate is open while an earlier position may still come"
    );

    store::control(&mut slow, "commit").await.unwrap();
    listening.hears(&[id(wallets[0], 1), id(wallets[1], 1)]).await;
}

#[tokio::test]
async fn positions_given_back_by_a_rollback_do_not_hold_the_relay_up() {
    let db = TestDatabase::create().await;
    let wallet = db.wallets(1).await[0];
    let listening = Listening::on(&db).await;
    db.run("select nextval('entries_position_seq'), nextval('entries_position_seq')").await;
    let posting_loop = PostingLoop::start(settings(&db.url), Arc::default());
    for version in 1..=3 {
        posting_loop.post(deposit(wallet, version)).await.unwrap();
    }
    listening.hears(&[1, 2, 3].map(|version| id(wallet, version))).await;
}

#[tokio::test]
async fn a_crowd_is_heard_in_the_order_of_its_versions() {
    let db = TestDatabase::create().await;
    let wallets = db.wallets(3).await;
    let listening = Listening::on(&db).await;
    let loops = [0, 1].map(|_| PostingLoop::start(settings(&db.url), Arc::default()));
    let asked = (0..600).map(|n| loops[n % 2].post(deposit(wallets[n % 3], 1)));
    assert!(futures_util::future::join_all(asked).await.iter().all(Result::is_ok));
    until("all of it", Duration::from_secs(10), async || (listening.ids().len() >= 600).then_some(())).await;
    for wallet in wallets {
        let of_wallet: Vec<String> =
            listening.ids().into_iter().filter(|id| id.starts_with(&wallet.to_string())).collect();
        assert_eq!(of_wallet, (1..=200).map(|version| id(wallet, version)).collect::<Vec<_>>());
    }
}
