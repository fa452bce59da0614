//! However a list of operations is cut into batches, its answers and the books are the same.

use std::sync::Arc;

use chrono::TimeDelta;
use futures_util::future::join_all;
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use sqlx::Row;
use uuid::Uuid;
use wallet::{
    kernel::{
        clock::Timestamp,
        ids::{OperationId, ReferenceId, WalletId},
    },
    ledger::{
        Action, Adjustment, Deposit, Direction, Key, KeyName, Operation, Refusals, Transfer,
        posting::{BatchClock, LoopSettings, PostingLoop},
    },
};

use super::support::{
    database::TestDatabase,
    operations::{Expecting, NotPosted, Posted, a_test, amount, settings},
};

fn start(settings: LoopSettings) -> PostingLoop {
    PostingLoop::start(settings, Arc::new(tokio::sync::Notify::new()))
}

/// One operation of a random list: wallet, what, amount, reference, other wallet, key, whether a refusal is stored.
type Asked = (u8, u8, i64, u8, u8, Option<(u8, u8)>, bool);

fn any_operations() -> impl Strategy<Value = Vec<Asked>> {
    let key = prop::option::weighted(0.4, (0..12_u8, 0..2_u8));
    let stored = prop::bool::weighted(0.8);
    prop::collection::vec((0..8_u8, 0..18_u8, 1..60_i64, 0..30_u8, 0..9_u8, key, stored), 1..80)
}

/// The time of every batch.
fn fixed_clock() -> Timestamp {
    Timestamp::from_timestamp(1_700_000_000, 0).unwrap()
}

/// The random list as operations with fixed ids.
fn fixed(asked: &[Asked]) -> Vec<Operation> {
    let numbered = asked.iter().zip(1_u128..);
    let wallet_id = |wallet: u8| WalletId(format!("{:0>32}", wallet + 1).parse().unwrap());
    numbered
        .map(|((wallet, what, minor_units, named, to, key, stored), id)| {
            let (amount, reference) =
                (amount(*minor_units), ReferenceId(Uuid::from_u128(u128::from(*named))));
            let action = match what {
                0 => Action::Disable,
                1 => Action::Enable,
                16 | 17 => Action::Adjust(Adjustment {
                    amount,
                    direction: if *what == 16 { Direction::Credit } else { Direction::Debit },
                    reference,
                    reason: "a test".to_owned(),
                }),
                14 => Action::Freeze { reason: "a test".to_owned() },
                15 => Action::Unfreeze { reason: "a test".to_owned() },
                2..=4 => Action::Deposit(Deposit { amount, reference, release_at: None }),
                // Due by Postgres' clock, and not by the batch's.
                5 => Action::Deposit(Deposit {
                    amount,
                    reference,
                    release_at: Some(fixed_clock() + TimeDelta::days(1)),
                }),
                6..=9 => Action::Withdraw { amount, reference },
                _ => Action::Transfer(Transfer {
                    to: wallet_id(*to),
                    amount,
                    fee: amount.fee(150),
                    reference,
                    note: (*to == 3).then(|| "a note".to_owned()),
                }),
            };
            let key = key.map(|(name, request)| Key {
                name: KeyName { actor: "a test".to_owned(), key: format!("key {name}") },
                request_hash: [request; 32],
            });
            let (id, wallet) = (OperationId(Uuid::from_u128(id)), wallet_id(*wallet));
            let refusals = if *stored { Refusals::Stored } else { Refusals::NotStored };
            Operation { id, actor: a_test(), wallet, action, key, refusals }
        })
        .collect()
}

/// Everything that the books hold, as text.
async fn contents(db: &TestDatabase) -> Vec<String> {
    let mut conn = db.connect().await;
    let mut rows = Vec::new();
    for sql in [
        "select w::text from (select id, status, status_version, available, unreleased, next_due_at, version, head_hash, last_entry_at
                              from wallets order by id) w",
        "select t::text from (select * from transactions order by id) t",
        "select e::text from (select wallet_id, version, transaction_id, kind, delta_available, available, occurred_at,
                                     hash from entries order by wallet_id, version) e",
        "select s::text from (select id, wallet_id, status_version, status, frozen, occurred_at
                              from status_changes where id <> wallet_id order by wallet_id, status_version) s",
        "select r::text from (select * from releases order by transaction_id) r",
        "select k::text from (select * from keys order by actor, key) k",
    ] {
        rows.extend(sqlx::query(sql).fetch_all(&mut conn).await.unwrap().iter().map(|row| row.get::<String, _>(0)));
    }
    rows
}

#[test]
fn batches_of_one_and_of_256_give_the_same_books_to_the_last_bit() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut runner = TestRunner::new(Config { cases: 8, failure_persistence: None, ..Config::default() });
    let same = runner.run(&any_operations(), |asked| {
        let (one, many) =
            runtime.block_on(async { tokio::join!(run_list(&asked, 1), run_list(&asked, 256)) });
        let differ = one.0.iter().zip(&many.0).find(|(one, many)| one != many);
        prop_assert!(one == many, "the two runs differ, first in the answers {differ:?}");
        Ok(())
    });
    same.unwrap();
}

/// Runs a list through a loop, in order; gives back the answers and the books.
async fn run_list(asked: &[Asked], batch_max: usize) -> (Vec<Result<Posted, NotPosted>>, Vec<String>) {
    let db = TestDatabase::create().await;
    db.wallets(7).await; // the eighth does not exist
    let clock = BatchClock::Fixed(fixed_clock());
    let posting_loop = start(LoopSettings { batch_max, clock, ..settings(&db.url) });
    let operations = fixed(asked);
    // Polled in order, so the queue holds them in order before the loop takes its first batch.
    let answers = join_all(operations.iter().cloned().map(|operation| posting_loop.book(operation))).await;
    (answers, contents(&db).await)
}
