//! The relay: nothing is skipped, nothing comes before its commit, however the batches interleave.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use serde_json::json;
use tokio_util::sync::CancellationToken;
use wallet::{
    adapters::in_process::InProcessBus,
    events::{
        bus::{Consumer, EventBus, Message, Poison, Subscription},
        event::Event,
        relay::{Relay, RelayState},
    },
    kernel::ids::WalletId,
    ledger::{
        Action,
        log::{self, Log},
        posting::{PostingLoop, store},
    },
};

use super::support::{
    database::TestDatabase,
    operations::{Expecting, deposit, settings, transfer},
    wait::until,
};

/// Keeps the `ce_id` of everything that it hears.
#[derive(Default)]
struct Heard(Mutex<Vec<String>>);

#[async_trait]
impl Consumer for Heard {
    async fn consume(&self, messages: &[Message]) -> Vec<(usize, Poison)> {
        let id = |message: &Message| message.header("ce_id").unwrap().to_owned();
        self.0.lock().unwrap().extend(messages.iter().map(id));
        Vec::new()
    }
}

/// A relay of the money log into a bus of this process, and what is heard there.
struct Listening {
    heard: Arc<Heard>,
    stop: CancellationToken,
    state: Arc<RelayState>,
}

impl Listening {
    async fn on(db: &TestDatabase) -> Self {
        let bus: Arc<dyn EventBus> = Arc::new(InProcessBus::default());
        let (heard, stop) = (Arc::new(Heard::default()), CancellationToken::new());
        let state = Arc::new(RelayState::default());
        let subscription = Subscription { group: "heard".to_owned(), topics: vec!["money".to_owned()] };
        let (serving, consumer, stop_serving) = (Arc::clone(&bus), Arc::clone(&heard), stop.clone());
        tokio::spawn(async move { serving.serve(subscription, consumer, stop_serving).await });
        let relay = Relay {
            database_url: db.url.clone(),
            log: Log::Entries,
            topic: "money".to_owned(),
            bus,
            committed: Arc::new(tokio::sync::Notify::new()),
            position: Arc::default(),
            state: Arc::clone(&state),
            allows_other_books: false,
        };
        tokio::spawn(relay.run(stop.clone()));
        // Both are at work when the first entry is heard.
        tokio::time::sleep(Duration::from_millis(300)).await;
        Self { heard, stop, state }
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

    let mut slow = db.deposit_that_waits(wallets[0], 10).await;

    let quick = PostingLoop::start(settings(&db.url), Arc::default());
    quick.book(deposit(wallets[1], 20)).await.unwrap();

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

/// `nextval` shows a value 32 too high for a moment while it logs the change, and who reads the sequence then takes it
/// for the last position that was handed out. Here the moment is made to last.
#[tokio::test]
async fn a_sequence_that_shows_more_than_it_handed_out_hides_no_row() {
    let db = TestDatabase::create().await;
    let wallet = db.wallets(1).await[0];
    let listening = Listening::on(&db).await;
    let posting_loop = PostingLoop::start(settings(&db.url), Arc::default());
    posting_loop.book(deposit(wallet, 1)).await.unwrap();
    listening.hears(&[id(wallet, 1)]).await;
    db.run("select setval('entries_position_seq', 33)").await;
    // Long enough for the relay to look ten times and more.
    tokio::time::sleep(Duration::from_millis(700)).await;
    db.run("select setval('entries_position_seq', 1)").await;
    posting_loop.book(deposit(wallet, 2)).await.unwrap();
    listening.hears(&[id(wallet, 1), id(wallet, 2)]).await;
    assert_eq!(listening.state.late_rows(), 0, "the gate itself waits for it");
}

/// A batch that does not take the log's lock goes round the gate: what a broken gate would do to a row.
#[tokio::test]
async fn a_row_that_comes_behind_the_cursor_is_published_late_and_counted() {
    let db = TestDatabase::create().await;
    let wallets = db.wallets(2).await;
    let listening = Listening::on(&db).await;
    let mut slow = db.deposit_round_the_gate(wallets[0], 10).await;
    let posting_loop = PostingLoop::start(settings(&db.url), Arc::default());
    posting_loop.book(deposit(wallets[1], 20)).await.unwrap();
    listening.hears(&[id(wallets[1], 1)]).await;
    assert_eq!(listening.state.late_rows(), 0);
    store::control(&mut slow, "commit").await.unwrap();
    listening.hears(&[id(wallets[1], 1), id(wallets[0], 1)]).await;
    assert_eq!(listening.state.late_rows(), 1);
}

/// What a gate that takes too high a position passes is handed out only afterwards, to batches that begin later.
#[tokio::test]
async fn a_position_that_is_handed_out_after_it_was_passed_is_published_late_as_well() {
    let db = TestDatabase::create().await;
    let wallets = db.wallets(2).await;
    let listening = Listening::on(&db).await;
    db.run("select setval('entries_position_seq', 5)").await;
    let posting_loop = PostingLoop::start(settings(&db.url), Arc::default());
    posting_loop.book(deposit(wallets[0], 10)).await.unwrap();
    listening.hears(&[id(wallets[0], 1)]).await;
    // Longer than the relay takes to look at its holes the first time, when every transaction of their time has ended.
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    db.run("select setval('entries_position_seq', 1, false)").await;
    posting_loop.book(deposit(wallets[1], 20)).await.unwrap();
    listening.hears(&[id(wallets[0], 1), id(wallets[1], 1)]).await;
    assert_eq!(listening.state.late_rows(), 1);
    db.run("select setval('entries_position_seq', 6)").await;
}

#[tokio::test]
async fn positions_given_back_by_a_rollback_do_not_hold_the_relay_up() {
    let db = TestDatabase::create().await;
    let wallet = db.wallets(1).await[0];
    let listening = Listening::on(&db).await;
    db.run("select nextval('entries_position_seq'), nextval('entries_position_seq')").await;
    let posting_loop = PostingLoop::start(settings(&db.url), Arc::default());
    for version in 1..=3 {
        posting_loop.book(deposit(wallet, version)).await.unwrap();
    }
    listening.hears(&[1, 2, 3].map(|version| id(wallet, version))).await;
}

#[tokio::test]
async fn a_crowd_is_heard_in_the_order_of_its_versions() {
    let db = TestDatabase::create().await;
    let wallets = db.wallets(3).await;
    let listening = Listening::on(&db).await;
    let loops = [0, 1].map(|_| PostingLoop::start(settings(&db.url), Arc::default()));
    let asked = (0..600).map(|n| loops[n % 2].book(deposit(wallets[n % 3], 1)));
    assert!(futures_util::future::join_all(asked).await.iter().all(Result::is_ok));
    until("all of it", Duration::from_secs(10), async || (listening.ids().len() >= 600).then_some(())).await;
    for wallet in wallets {
        let of_wallet: Vec<String> =
            listening.ids().into_iter().filter(|id| id.starts_with(&wallet.to_string())).collect();
        assert_eq!(of_wallet, (1..=200).map(|version| id(wallet, version)).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn each_side_of_a_transfer_has_its_message_and_the_receivers_tells_nothing_of_the_senders() {
    let db = TestDatabase::create().await;
    let wallets = db.wallets(2).await;
    let posting_loop = PostingLoop::start(settings(&db.url), Arc::default());
    posting_loop.book(deposit(wallets[0], 100)).await.unwrap();
    let mut asked = transfer(wallets[0], wallets[1], 60);
    if let Action::Transfer(transfer) = &mut asked.action {
        transfer.fee = 2;
    }
    let reference = asked.reference().unwrap().reference.0;
    let posted = posting_loop.book(asked).await.unwrap();

    let mut conn = store::connect(&db.url).await.unwrap();
    let books = log::standing(&mut conn, Log::Entries).await.unwrap().books;
    let rows = log::Reader::new(Log::Entries).read(&mut conn, 1, i64::MAX, 10).await.unwrap();
    let told: Vec<serde_json::Value> = rows
        .iter()
        .map(|row| serde_json::from_slice(&Event::of(row, "money", books).unwrap().payload).unwrap())
        .collect();
    let [sent, received] = &told[..] else { panic!("{told:?}") };
    let shown = |event: &serde_json::Value| {
        ["wallet_id", "type", "amount", "fee", "delta", "balance", "version", "reference_id"]
            .map(|name| event[name].clone())
    };
    let expected = json!([wallets[0], "transfer_out", 60, 2, -62, 38, 2, reference]);
    assert_eq!(json!(shown(sent)), expected);
    let expected = json!([wallets[1], "transfer_in", 60, 0, 60, 60, 1, null]);
    assert_eq!(json!(shown(received)), expected);
    assert!(told.iter().all(|event| event["transaction_id"] == json!(posted.id())));
    assert_eq!(sent["occurred_at"], received["occurred_at"]);
}
