//! The posting loop on a real Postgres.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use uuid::Uuid;
use wallet::{
    kernel::ids::WalletId,
    ledger::{
        Action, Deposit, LedgerError, Refusal,
        posting::{LoopSettings, PostingLoop},
    },
};

use super::support::{
    database::TestDatabase,
    operations::{
        Expecting, NotPosted, Posted, amount, deposit, disable, enable, operation, reference, settings,
        transfer, withdraw,
    },
    proxy::Proxy,
};

fn start(settings: LoopSettings) -> PostingLoop {
    PostingLoop::start(settings, Arc::new(tokio::sync::Notify::new()))
}

fn done(outcomes: &[Result<Posted, NotPosted>]) -> usize {
    outcomes.iter().filter(|outcome| outcome.is_ok()).count()
}

fn refused(refusal: Refusal) -> NotPosted {
    NotPosted::Refused { refusal, replayed: false }
}

#[tokio::test]
async fn fifty_deposits_at_once_all_arrive() {
    let db = TestDatabase::create().await;
    let wallet = db.wallets(1).await[0];
    let posting_loop = start(settings(&db.url));
    let outcomes = join_all((0..50).map(|_| posting_loop.book(deposit(wallet, 1)))).await;
    assert_eq!(done(&outcomes), 50);
    assert_eq!(db.number("select available from wallets").await, 50);
}

#[tokio::test]
async fn of_a_hundred_withdrawals_of_the_whole_balance_one_wins() {
    let db = TestDatabase::create().await;
    let wallet = db.wallets(1).await[0];
    // Two loops stand for two processes.
    let loops = [start(settings(&db.url)), start(settings(&db.url))];
    loops[0].book(deposit(wallet, 1_000)).await.unwrap();
    let outcomes = join_all((0..100).map(|n| loops[n % 2].book(withdraw(wallet, 1_000)))).await;
    assert_eq!(done(&outcomes), 1);
    let short = Refusal::InsufficientFunds { available: 0, required: 1_000 };
    let all_refused = outcomes.iter().filter(|outcome| **outcome == Err(refused(short.clone())));
    assert_eq!(all_refused.count(), 99);
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
    let asked = |n: usize| {
        loops[n % 2].book(operation(
            wallet,
            Action::Deposit(Deposit { amount: amount(7), reference, release_at: None }),
        ))
    };
    let outcomes = join_all((0..20).map(asked)).await;
    let winner = outcomes.iter().flatten().next().expect("one is booked").id();
    assert_eq!(done(&outcomes), 1);
    let known = refused(Refusal::DuplicateReference { transaction_id: winner });
    assert_eq!(outcomes.iter().filter(|outcome| outcome.as_ref() == Err(&known)).count(), 19);
    assert_eq!(db.number("select available from wallets").await, 7);
}

#[tokio::test]
async fn nothing_is_withdrawn_after_a_disabling() {
    let db = TestDatabase::create().await;
    let wallet = db.wallets(1).await[0];
    let loops = [start(settings(&db.url)), start(settings(&db.url))];
    loops[0].book(deposit(wallet, 1_000)).await.unwrap();
    for _ in 0..10 {
        let withdrawals = join_all((0..10).map(|n| loops[n % 2].book(withdraw(wallet, 1))));
        let (outcomes, disabled) = tokio::join!(withdrawals, loops[1].book(disable(wallet)));
        let disabled = disabled.unwrap();
        // Whatever was withdrawn came before the disabling: the disabled wallet has seen it already.
        for posted in outcomes.into_iter().flatten() {
            let (version, last) = (posted.receipt().balance.version, disabled.done.balance().version);
            assert!(version <= last, "{posted:?} after {disabled:?}");
        }
        loops[0].book(enable(wallet)).await.unwrap();
    }
}

#[tokio::test]
async fn a_wallet_that_does_not_exist_is_refused_and_harms_nobody() {
    let db = TestDatabase::create().await;
    let wallet = db.wallets(1).await[0];
    let posting_loop = start(settings(&db.url));
    let nobody = WalletId(Uuid::max());
    let (unknown, booked) =
        tokio::join!(posting_loop.book(deposit(nobody, 1)), posting_loop.book(deposit(wallet, 1)));
    assert_eq!(unknown, Err(refused(Refusal::WalletNotFound)));
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
            .map(|(n, wallet)| posting_loop.book(deposit(*wallet, if n == 7 { 13 } else { 1 }))),
    )
    .await;
    assert_eq!(done(&outcomes), 19);
    assert!(
        matches!(&outcomes[7], Err(NotPosted::Failed(LedgerError::Internal(reason))) if reason.contains("spoilt")),
        "{outcomes:?}"
    );
}

#[tokio::test]
async fn a_full_queue_is_refused_at_the_door() {
    let db = TestDatabase::create().await;
    let wallet = db.wallets(1).await[0];
    let posting_loop = start(LoopSettings { queue_max: 3, ..settings(&db.url) });
    posting_loop.book(deposit(wallet, 1)).await.unwrap();
    // Another session holds the wallet, so that the loop stands still with its first batch.
    let mut blocker = db.connect().await;
    sqlx::raw_sql("begin; select 1 from wallets for update").execute(&mut blocker).await.unwrap();
    let first = tokio::spawn({
        let posting_loop = posting_loop.clone();
        async move { posting_loop.book(deposit(wallet, 1)).await }
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    let waiting = join_all((0..5).map(|_| posting_loop.book(deposit(wallet, 1))));
    let release = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        sqlx::raw_sql("rollback").execute(&mut blocker).await.unwrap();
    };
    let (outcomes, ()) = tokio::join!(waiting, release);
    assert_eq!(done(&outcomes), 3, "as many as the queue holds");
    assert_eq!(outcomes.iter().filter(|o| **o == Err(NotPosted::Failed(LedgerError::Overloaded))).count(), 2);
    assert!(first.await.unwrap().is_ok());
    assert_eq!(db.number("select available from wallets").await, 5);
}

/// Whoever has gone away while waiting is not served: nobody would learn of it.
#[tokio::test]
async fn an_operation_that_nobody_waits_for_is_dropped() {
    let db = TestDatabase::create().await;
    let wallet = db.wallets(1).await[0];
    let posting_loop = start(settings(&db.url));
    posting_loop.book(deposit(wallet, 1)).await.unwrap();
    let mut blocker = db.connect().await;
    sqlx::raw_sql("begin; select 1 from wallets for update").execute(&mut blocker).await.unwrap();
    let first = tokio::spawn({
        let posting_loop = posting_loop.clone();
        async move { posting_loop.book(deposit(wallet, 10)).await }
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    let given_up =
        tokio::time::timeout(Duration::from_millis(50), posting_loop.book(deposit(wallet, 100))).await;
    assert!(given_up.is_err());
    sqlx::raw_sql("rollback").execute(&mut blocker).await.unwrap();
    assert!(first.await.unwrap().is_ok());
    posting_loop.book(deposit(wallet, 1_000)).await.unwrap();
    assert_eq!(db.number("select available from wallets").await, 1_011);
}

#[tokio::test]
async fn transfers_in_opposite_directions_do_not_deadlock_and_lose_nothing() {
    let db = TestDatabase::create().await;
    let wallets = db.wallets(2).await;
    let loops = [start(settings(&db.url)), start(settings(&db.url))];
    for wallet in &wallets {
        loops[0].book(deposit(*wallet, 1_000)).await.unwrap();
    }
    for _ in 0..10 {
        let asked = |n: usize| {
            let (from, to) = if n.is_multiple_of(2) { (0, 1) } else { (1, 0) };
            loops[n / 2 % 2].book(transfer(wallets[from], wallets[to], 1))
        };
        let outcomes = join_all((0..100).map(asked)).await;
        assert_eq!(done(&outcomes), 100, "{outcomes:?}");
    }
    assert_eq!(db.number("select count(*) from wallets where available = 1000").await, 2);
    assert_eq!(db.number("select count(*) from entries where kind in (3, 4)").await, 2_000);
}

/// However the batches before theirs end, and however many they are.
#[tokio::test]
async fn while_postgres_is_silent_nobody_in_the_queue_waits_longer_than_is_promised() {
    let db = TestDatabase::create().await;
    let wallets = db.wallets(2).await;
    let (proxy, url) = Proxy::to_database(&db.url).await;
    let posting_loop = start(LoopSettings { batch_max: 2, ..settings(&url) });
    let warm = join_all((0..20).map(|n| posting_loop.book(deposit(wallets[n % 2], 10)))).await;
    assert_eq!(done(&warm), 20);
    proxy.freeze_at_a_commit();
    // The commit of the first is lost; the second is not written beside it; the others wait for both.
    let asked = [deposit(wallets[0], 1), deposit(wallets[1], 1)]
        .into_iter()
        .chain((0..10).map(|n| deposit(wallets[n % 2], 1)))
        .chain((0..10).map(|_| transfer(wallets[0], wallets[1], 1)));
    let answers = join_all(asked.enumerate().map(async |(n, operation)| {
        tokio::time::sleep(Duration::from_millis(if n < 2 { 20 * n as u64 } else { 60 })).await;
        let since = Instant::now();
        (posting_loop.book(operation).await.unwrap_err(), since.elapsed())
    }))
    .await;
    assert_eq!(answers[0].0, NotPosted::Failed(LedgerError::OutcomeUnknown));
    assert!(
        answers[1..].iter().all(|(told, _)| *told == NotPosted::Failed(LedgerError::Unavailable)),
        "{answers:?}"
    );
    let slowest = answers.iter().map(|(_, took)| *took).max().unwrap();
    assert!(slowest < Duration::from_millis(3_400), "{slowest:?}: {answers:?}");
}
