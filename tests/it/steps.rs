//! A transaction with several entries on one wallet: its later ones are those of its steps.

use std::sync::Arc;

use serde_json::json;
use uuid::Uuid;
use wallet::{
    events::event::Event,
    kernel::{ids::WalletId, pagination::PageRequest},
    ledger::{
        Kind,
        audit::audit,
        log::{self, Log},
        posting::{PostingLoop, store},
        read::{self, Filter},
    },
};

use super::support::{
    database::TestDatabase,
    operations::{Expecting, deposit, keyed, settings},
};

/// Books a step on the wallet's first transaction, which takes 30 back, as an operation that has steps will: the step with its
/// entry, the wallet, and a key.
async fn step_back(db: &TestDatabase, wallet: WalletId, step: Uuid) {
    let sql = format!(
        "begin;
         insert into entries (wallet_id, version, transaction_id, kind, delta_available, delta_held, delta_unreleased,
                              available, held, unreleased, occurred_at, hash)
         select w.id, w.version + 1, t.id, 19, -30, 0, 0, w.available - 30, 0, 0, n.at,
                sha256(w.head_hash || uuid_send(w.id) || int8send(w.version + 1) || uuid_send(t.id) || int2send(19::int2)
                       || int8send(-30) || int8send(0) || int8send(0) || int8send(w.available - 30) || int8send(0)
                       || int8send(0) || int8send((extract(epoch from n.at) * 1000000)::int8))
         from wallets w join transactions t on t.wallet_id = w.id and t.version = 1,
              (select date_trunc('milliseconds', clock_timestamp()) as at) n
         where w.id = '{wallet}';
         insert into steps (id, transaction_id, n, kind, wallet_id, version, amount, reference_id, actor, reason, created_at)
         select '{step}', e.transaction_id, 2, e.kind, e.wallet_id, e.version, 30, '{step}', 'admin:ada', 'a mistake',
                e.occurred_at
         from entries e where e.wallet_id = '{wallet}' order by e.version desc limit 1;
         update wallets w set available = e.available, version = e.version, head_hash = e.hash, last_entry_at = e.occurred_at
         from (select * from entries where wallet_id = '{wallet}' order by version desc limit 1) e where w.id = e.wallet_id;
         insert into keys (actor, key, request_hash, operation_id)
         values ('a test', 'step', decode(repeat('07', 32), 'hex'), '{step}');
         commit"
    );
    db.run(&sql).await;
}

#[tokio::test]
async fn a_transaction_with_two_entries_on_a_wallet_is_listed_once_and_shown_whole() {
    let db = TestDatabase::create().await;
    let wallet = db.wallets(1).await[0];
    let posting_loop = PostingLoop::start(settings(&db.url), Arc::default());
    let first = posting_loop.book(deposit(wallet, 100)).await.unwrap().id();
    let other = posting_loop.book(deposit(wallet, 5)).await.unwrap().id();
    let step = Uuid::new_v4();
    step_back(&db, wallet, step).await;
    assert_eq!(audit(&db.url).await.unwrap(), []);

    let pool = wallet::db::connect(&db.url, 1).unwrap();
    let page = PageRequest { limit: 10, after: None };
    let listed = read::list(&pool, wallet, page, &Filter::default()).await.unwrap();
    let lines: Vec<_> = listed.items.iter().map(|item| (item.id, item.version, item.amount)).collect();
    assert_eq!(lines, [(other, 2, 5), (first, 1, 100)]);

    let whole = read::find(&pool, wallet, first).await.unwrap().expect("the transaction");
    assert_eq!((whole.item.kind, whole.item.amount, whole.item.version), (Kind::Deposit, 100, 1));
    let entries: Vec<_> =
        whole.entries.iter().map(|entry| (entry.version, entry.delta.total(), entry.after.total())).collect();
    assert_eq!(entries, [(1, 100, 100), (3, -30, 75)]);
}

#[tokio::test]
async fn the_message_and_the_replay_of_a_step_are_those_of_its_entry() {
    let db = TestDatabase::create().await;
    let wallet = db.wallets(1).await[0];
    let posting_loop = PostingLoop::start(settings(&db.url), Arc::default());
    let first = posting_loop.book(deposit(wallet, 100)).await.unwrap().id();
    let step = Uuid::new_v4();
    step_back(&db, wallet, step).await;

    let mut conn = store::connect(&db.url).await.unwrap();
    let books = log::standing(&mut conn, Log::Entries).await.unwrap().books;
    let mut reader = log::Reader::new(Log::Entries);
    let read = reader.read(&mut conn, 1, i64::MAX, 10).await.unwrap();
    let found = reader.find(&mut conn, &[(wallet, 2)]).await.unwrap();
    assert_eq!(read, found);
    let event = Event::of(&read[0], "money", books).unwrap();
    let event: serde_json::Value = serde_json::from_slice(&event.payload).unwrap();
    let shown = ["transaction_id", "type", "amount", "delta", "balance", "version", "reference_id"]
        .map(|name| event[name].clone());
    assert_eq!(json!(shown), json!([first, "adjustment", 30, -30, 70, 2, step]));

    let again = posting_loop.book(keyed(deposit(wallet, 1), "step", 7)).await.unwrap();
    assert!(again.replayed);
    let receipt = again.receipt();
    assert_eq!((receipt.id, receipt.amount, receipt.balance.version), (first, 30, 2));
    assert_eq!(receipt.balance.buckets.available, 70);
}
