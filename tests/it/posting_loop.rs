//! The posting loop on a real Postgres.

use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use sqlx::Row;
use tokio::sync::Notify;
use uuid::Uuid;
use wallet::{
    kernel::{
        clock::Timestamp,
        ids::{OperationId, ReferenceId, WalletId},
    },
    ledger::{
        Action, LedgerError, Operation, Receipt, Refusal,
        posting_loop::{BatchClock, LoopSettings, PostingLoop},
    },
};

use super::support::{
    database::TestDatabase,
    operations::{amount, deposit, disable, enable, operation, reference, settings, withdraw},
};

fn start(settings: LoopSettings) -> PostingLoop {
    PostingLoop::start(settings, Arc::new(Notify::new()))
}

fn done(outcomes: &[Result<Receipt, LedgerError>]) -> usize {
    outcomes.iter().filter(|outcome| outcome.is_ok()).count()
}

#[tokio::test]
async fn fifty_deposits_at_once_all_arrive() {
    let db = TestDatabase::create().await;
    let wallet = db.wallets(1).await[0];
    let posting_loop = start(settings(&db.url));
    let outcomes = join_all((0..50).map(|_| posting_loop.post(deposit(wallet, 1)))).await;
    assert_eq!(done(&outcomes), 50);
    assert_eq!(db.number("select available from wallets").await, 50);
}

#[tokio::test]
async fn of_a_hundred_withdrawals_of_the_whole_balance_one_wins() {
    let db = TestDatabase::create().await;
    let wallet = db.wallets(1).await[0];
    // Two loops stand for two processes.
    let loops = [start(settings(&db.url)), start(settings(&db.url))];
    loops[0].post(deposit(wallet, 1_000)).await.unwrap();
    let outcomes = join_all((0..100).map(|n| loops[n % 2].post(withdraw(wallet, 1_000)))).await;
    assert_eq!(done(&outcomes), 1);
    let short = Refusal::InsufficientFunds { available: 0, required: 1_000 };
    let refused = outcomes.iter().filter(|outcome| **outcome == Err(LedgerError::Refused(short.clone())));
    assert_eq!(refused.count(), 99);
    assert_eq!(
        db.number("select count(*) from transactions where status = 2").await,
        99,
        "refusals are kept"
    );
}

#[tokio::test]
async fn the_same_reference_at_once_from_two_processes_is_booked_once() {
    let db = TestDatabase::create().await;
    let wallet = db.wallets(1).await[0];
    let loops = [start(settings(&db.url)), start(settings(&db.url))];
    let reference = reference();
    let asked =
        |n: usize| loops[n % 2].post(operation(wallet, Action::Deposit { amount: amount(7), reference }));
    let outcomes = join_all((0..20).map(asked)).await;
    let winner = outcomes.iter().flatten().next().expect("one is booked").id;
    assert_eq!(done(&outcomes), 1);
    let known = LedgerError::Refused(Refusal::DuplicateReference { transaction_id: winner });
    assert_eq!(outcomes.iter().filter(|outcome| outcome.as_ref() == Err(&known)).count(), 19);
    assert_eq!(db.number("select available from wallets").await, 7);
}

#[tokio::test]
async fn nothing_is_withdrawn_after_a_disabling() {
    let db = TestDatabase::create().await;
    let wallet = db.wallets(1).await[0];
    let loops = [start(settings(&db.url)), start(settings(&db.url))];
    loops[0].post(deposit(wallet, 1_000)).await.unwrap();
    for _ in 0..10 {
        let withdrawals = join_all((0..10).map(|n| loops[n % 2].post(withdraw(wallet, 1))));
        let (outcomes, disabled) = tokio::join!(withdrawals, loops[1].post(disable(wallet)));
        let disabled = disabled.unwrap();
        // Whatever was withdrawn came before the disabling: the disabled wallet has seen it already.
        for receipt in outcomes.into_iter().flatten() {
            assert!(receipt.wallet.version <= disabled.wallet.version, "{receipt:?} after {disabled:?}");
        }
        loops[0].post(enable(wallet)).await.unwrap();
    }
}

#[tokio::test]
async fn a_wallet_that_does_not_exist_is_refused_and_harms_nobody() {
    let db = TestDatabase::create().await;
    let wallet = db.wallets(1).await[0];
    let posting_loop = start(settings(&db.url));
    let nobody = WalletId(Uuid::max());
    let (refused, booked) =
        tokio::join!(posting_loop.post(deposit(nobody, 1)), posting_loop.post(deposit(wallet, 1)));
    assert_eq!(refused, Err(LedgerError::Refused(Refusal::WalletNotFound)));
    assert!(booked.is_ok());
}

/// A row that the database refuses stands for a defect: its operation alone fails.
#[tokio::test]
async fn an_operation_that_cannot_be_written_does_not_harm_its_neighbours() {
    let db = TestDatabase::create().await;
    let wallets = db.wallets(20).await;
    db.run("alter table transactions add constraint spoilt check (amount <> 13)").await;
    let posting_loop = start(settings(&db.url));
    let outcomes = join_all(
        wallets
            .iter()
            .enumerate()
            .map(|(n, wallet)| posting_loop.post(deposit(*wallet, if n == 7 { 13 } else { 1 }))),
    )
    .await;
    assert_eq!(done(&outcomes), 19);
    assert!(
        matches!(&outcomes[7], Err(LedgerError::Internal(reason)) if reason.contains("spoilt")),
        "{outcomes:?}"
    );
}

#[tokio::test]
async fn a_full_queue_is_refused_at_the_door() {
    let db = TestDatabase::create().await;
    let wallet = db.wallets(1).await[0];
    let posting_loop = start(LoopSettings { queue_max: 3, ..settings(&db.url) });
    posting_loop.post(deposit(wallet, 1)).await.unwrap();
    // Another session holds the wallet, so that the loop stands still with its first batch.
    let mut blocker = db.connect().await;
    sqlx::raw_sql("begin; select 1 from wallets for update").execute(&mut blocker).await.unwrap();
    let first = tokio::spawn({
        let posting_loop = posting_loop.clone();
        async move { posting_loop.post(deposit(wallet, 1)).await }
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    let waiting = join_all((0..5).map(|_| posting_loop.post(deposit(wallet, 1))));
    let release = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        sqlx::raw_sql("rollback").execute(&mut blocker).await.unwrap();
    };
    let (outcomes, ()) = tokio::join!(waiting, release);
    assert_eq!(done(&outcomes), 3, "as many as the queue holds");
    assert_eq!(outcomes.iter().filter(|o| **o == Err(LedgerError::Overloaded)).count(), 2);
    assert!(first.await.unwrap().is_ok());
    assert_eq!(db.number("select available from wallets").await, 5);
}

/// Whoever has gone away while waiting is not served: nobody would learn of it.
#[tokio::test]
async fn an_operation_that_nobody_waits_for_is_dropped() {
    let db = TestDatabase::create().await;
    let wallet = db.wallets(1).await[0];
    let posting_loop = start(settings(&db.url));
    posting_loop.post(deposit(wallet, 1)).await.unwrap();
    let mut blocker = db.connect().await;
    sqlx::raw_sql("begin; select 1 from wallets for update").execute(&mut blocker).await.unwrap();
    let first = tokio::spawn({
        let posting_loop = posting_loop.clone();
        async move { posting_loop.post(deposit(wallet, 10)).await }
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    let given_up =
        tokio::time::timeout(Duration::from_millis(50), posting_loop.post(deposit(wallet, 100))).await;
    assert!(given_up.is_err());
    sqlx::raw_sql("rollback").execute(&mut blocker).await.unwrap();
    assert!(first.await.unwrap().is_ok());
    posting_loop.post(deposit(wallet, 1_000)).await.unwrap();
    assert_eq!(db.number("select available from wallets").await, 1_011);
}

fn any_operations() -> impl Strategy<Value = Vec<(u8, u8, i64, u8)>> {
    prop::collection::vec((0..8_u8, 0..10_u8, 1..60_i64, 0..30_u8), 1..80)
}

/// The random list as operations with fixed ids.
fn fixed(asked: &[(u8, u8, i64, u8)]) -> Vec<Operation> {
    let numbered = asked.iter().zip(1_u128..);
    numbered
        .map(|((wallet, what, minor_units, named), id)| {
            let (amount, reference) =
                (amount(*minor_units), ReferenceId(Uuid::from_u128(u128::from(*named))));
            let action = match what {
                0 => Action::Disable { actor: "a test".to_owned() },
                1 => Action::Enable { actor: "a test".to_owned() },
                2..=5 => Action::Deposit { amount, reference },
                _ => Action::Withdraw { amount, reference },
            };
            let wallet = WalletId(format!("{:0>32}", wallet + 1).parse().unwrap());
            Operation { id: OperationId(Uuid::from_u128(id)), wallet, action }
        })
        .collect()
}

/// Everything that the books hold, as text.
async fn contents(db: &TestDatabase) -> Vec<String> {
    let mut conn = db.connect().await;
    let mut rows = Vec::new();
    for sql in [
        "select w::text from (select id, status, status_version, available, version, head_hash, last_entry_at
                              from wallets order by id) w",
        "select t::text from (select * from transactions order by id) t",
        "select e::text from (select wallet_id, version, transaction_id, kind, delta_available, available, occurred_at,
                                     hash from entries order by wallet_id, version) e",
        "select s::text from (select id, wallet_id, status_version, status, frozen, occurred_at
                              from status_changes where id <> wallet_id order by wallet_id, status_version) s",
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
        prop_assert!(one == many, "the two runs differ");
        Ok(())
    });
    same.unwrap();
}

/// Runs a list through a loop, in order; gives back the answers and the books.
async fn run_list(
    asked: &[(u8, u8, i64, u8)],
    batch_max: usize,
) -> (Vec<Result<Receipt, LedgerError>>, Vec<String>) {
    let db = TestDatabase::create().await;
    db.wallets(7).await; // the eighth does not exist
    let clock = BatchClock::Fixed(Timestamp::from_timestamp(1_900_000_000, 0).unwrap());
    let posting_loop = start(LoopSettings { batch_max, clock, ..settings(&db.url) });
    // Polled in order, so the queue holds them in order before the loop takes its first batch.
    let answers = join_all(fixed(asked).into_iter().map(|operation| posting_loop.post(operation))).await;
    let contents = contents(&db).await;
    (answers, contents)
}
