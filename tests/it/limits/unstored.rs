//! Refusals that are not to be stored, on a real Postgres: they leave no row, and whatever can be booked is.

use std::sync::Arc;

use futures_util::future::join_all;
use wallet::ledger::{
    Operation, Refusal, Refusals,
    posting::{LoopSettings, PostingLoop},
};

use crate::support::{
    database::TestDatabase,
    operations::{Expecting, NotPosted, deposit, keyed, settings, transfer, withdraw},
};

fn start(settings: LoopSettings) -> PostingLoop {
    PostingLoop::start(settings, Arc::new(tokio::sync::Notify::new()))
}

fn not_stored(operation: Operation) -> Operation {
    Operation { refusals: Refusals::NotStored, ..operation }
}

const ROWS: &str = "select (select count(*) from transactions) + (select count(*) from entries)
                         + (select count(*) from keys)";

#[tokio::test]
async fn a_refusal_that_is_not_to_be_stored_leaves_no_row_and_a_first_answer_is_told_again() {
    let db = TestDatabase::create().await;
    let wallets = db.wallets(2).await;
    let posting_loop = start(settings(&db.url));
    posting_loop.book(deposit(wallets[0], 100)).await.unwrap();
    let stored = keyed(withdraw(wallets[0], 101), "stored", 1);
    let short = Refusal::InsufficientFunds { available: 100, required: 101 };
    let first = posting_loop.book(stored.clone()).await;
    assert_eq!(first, Err(NotPosted::Refused { refusal: short.clone(), replayed: false }));
    let before = db.number(ROWS).await;

    let refused = [
        withdraw(wallets[0], 101),
        keyed(withdraw(wallets[0], 101), "w", 1),
        transfer(wallets[0], wallets[1], 101),
        keyed(transfer(wallets[0], wallets[1], 101), "t", 1),
    ];
    for answer in join_all(refused.map(|asked| posting_loop.book(not_stored(asked)))).await {
        assert!(matches!(answer, Err(NotPosted::Refused { replayed: false, .. })), "{answer:?}");
    }
    let again = posting_loop.book(not_stored(stored)).await;
    assert_eq!(again, Err(NotPosted::Refused { refusal: short, replayed: true }));
    assert_eq!(db.number(ROWS).await, before);

    let booked = posting_loop.book(not_stored(keyed(withdraw(wallets[0], 100), "w", 1))).await.unwrap();
    assert!(!booked.replayed, "its refusal was not stored");
    assert_eq!(db.number("select available::int8 from wallets order by id limit 1").await, 0);
}
