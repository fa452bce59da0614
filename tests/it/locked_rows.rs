//! Another session holds what a batch needs: one wallet, a key, a reference. Its operations wait, nobody else does.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use sqlx::{AssertSqlSafe, PgConnection};
use tokio::{task::JoinSet, time::sleep};
use uuid::Uuid;
use wallet::{
    kernel::ids::{ReferenceId, WalletId},
    ledger::{Action, Deposit, LedgerError, posting::PostingLoop},
};

use super::support::{
    database::TestDatabase,
    operations::{Expecting, NotPosted, Posted, amount, deposit, keyed, operation, settings, transfer},
    proxy::Proxy,
    service::Service,
    wait::until,
};

/// How long a test waits for what must come by itself.
const LIMIT: Duration = Duration::from_secs(20);

fn start(url: &str) -> PostingLoop {
    PostingLoop::start(settings(url), Arc::new(tokio::sync::Notify::new()))
}

/// A session that begins a transaction, runs this, and does nothing more.
async fn holder(db: &TestDatabase, sql: &str) -> PgConnection {
    let mut holder = db.connect().await;
    let sql = format!("set application_name = 'a clerk'; begin; {sql}");
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut holder).await.expect("a lock");
    holder
}

async fn hold(db: &TestDatabase, wallet: WalletId) -> PgConnection {
    holder(db, &format!("select 1 from wallets where id = '{wallet}' for update")).await
}

async fn let_go(mut holder: PgConnection) {
    sqlx::raw_sql("rollback").execute(&mut holder).await.expect("the lock is given back");
}

/// Waits until a session of the loop waits for a lock.
async fn the_loop_waits(conn: &mut PgConnection) {
    let sql = "select exists (select from pg_stat_activity where datname = current_database()
                              and wait_event_type = 'Lock' and application_name = 'wallet posting loop')";
    until("the loop waits for a lock", LIMIT, async || {
        let waits: bool = sqlx::query_scalar(sql).fetch_one(&mut *conn).await.expect("an answer");
        waits.then_some(())
    })
    .await;
}

type Told = Result<Posted, NotPosted>;

fn post(posting_loop: &PostingLoop, operation: wallet::ledger::Operation) -> tokio::task::JoinHandle<Told> {
    let posting_loop = posting_loop.clone();
    tokio::spawn(async move { posting_loop.book(operation).await })
}

#[tokio::test]
async fn a_wallet_that_another_session_holds_stops_only_its_own_operations() {
    let db = TestDatabase::create().await;
    let wallets = db.wallets(7).await;
    let (held, others) = wallets.split_last().unwrap();
    let posting_loop = start(&db.url);
    for wallet in &wallets {
        posting_loop.book(deposit(*wallet, 100)).await.unwrap();
    }
    let holder = hold(&db, *held).await;
    let stopped = [
        post(&posting_loop, deposit(*held, 1)),
        post(&posting_loop, transfer(others[0], *held, 1)),
        // Behind the transfer of the same wallet.
        post(&posting_loop, deposit(others[0], 1)),
    ];
    // They are before all of these in the queue.
    tokio::task::yield_now().await;
    for round in 0..8 {
        let told = join_all(others[1..].iter().map(|wallet| posting_loop.book(deposit(*wallet, 1)))).await;
        assert!(told.iter().all(Result::is_ok), "round {round}: {told:?}");
        assert!(stopped.iter().all(|told| !told.is_finished()), "round {round} came after the time limit");
    }
    let since = Instant::now();
    let told = join_all(stopped).await;
    assert!(since.elapsed() < Duration::from_millis(3_400), "{told:?}");
    assert_eq!(told[0].as_ref().unwrap(), &Err(NotPosted::Failed(LedgerError::Unavailable)));
    assert_eq!(told[1].as_ref().unwrap(), &Err(NotPosted::Failed(LedgerError::Unavailable)));
    let sum = 700 + 8 * 5;
    let behind = i64::from(told[2].as_ref().unwrap().is_ok());
    assert_eq!(db.number("select sum(available) from wallets").await, sum + behind, "nothing else was done");
    let_go(holder).await;
    posting_loop.book(deposit(*held, 1)).await.unwrap();
    assert_eq!(db.number("select sum(available) from wallets").await, sum + behind + 1);
}

#[tokio::test]
async fn what_waited_for_a_wallet_goes_through_in_its_order_when_the_wallet_is_free() {
    let db = TestDatabase::create().await;
    let wallets = db.wallets(2).await;
    let posting_loop = start(&db.url);
    posting_loop.book(deposit(wallets[0], 1_000)).await.unwrap();
    let (holder, mut looker) = (hold(&db, wallets[0]).await, db.connect().await);
    let mut asked = Vec::new();
    for n in 1..=20_usize {
        asked.push(post(&posting_loop, deposit(wallets[0], i64::try_from(n).unwrap())));
        tokio::task::yield_now().await;
        if n.is_multiple_of(5) {
            posting_loop.book(deposit(wallets[1], 1)).await.unwrap();
        }
    }
    the_loop_waits(&mut looker).await;
    let_go(holder).await;
    for (n, told) in join_all(asked).await.into_iter().enumerate() {
        let receipt = told.unwrap().unwrap().receipt().clone();
        assert_eq!(usize::try_from(receipt.balance.version).unwrap(), n + 2, "{receipt:?}");
    }
}

/// Two servers on one hot wallet: each waits in line for the other's batches, and nobody is sent away.
#[tokio::test]
async fn a_wallet_that_others_hold_again_and_again_is_waited_for_in_line() {
    let db = TestDatabase::create().await;
    let wallet = db.wallets(1).await[0];
    let posting_loop = start(&db.url);
    let stop = Arc::new(AtomicBool::new(false));
    let mut others = JoinSet::new();
    for _ in 0..3 {
        let (mut other, stop) = (db.connect().await, Arc::clone(&stop));
        others.spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                let hold = format!("begin; select 1 from wallets where id = '{wallet}' for update; select pg_sleep(0.15); rollback");
                sqlx::raw_sql(AssertSqlSafe(hold)).execute(&mut other).await.expect("held for a moment");
            }
        });
    }
    for _ in 0..4 {
        posting_loop.book(deposit(wallet, 1)).await.unwrap();
    }
    stop.store(true, Ordering::Relaxed);
    others.join_all().await;
}

#[tokio::test]
async fn a_key_or_reference_that_another_session_inserts_stops_only_the_operation_that_has_it() {
    let db = TestDatabase::create().await;
    let wallets = db.wallets(20).await;
    let posting_loop = start(&db.url);
    let (reference, mut looker) = (Uuid::new_v4(), db.connect().await);
    let key = "insert into keys (actor, key, request_hash, operation_id, outcome)
               values ('a test', 'k', decode(repeat('00', 32), 'hex'), gen_random_uuid(), '{}')";
    let used = format!(
        "insert into transactions (id, kind, status, wallet_id, version, amount, currency, reference_id, created_at)
         values (gen_random_uuid(), 1, 0, '{}', 77, 1, 'USD', '{reference}', now())",
        wallets[11]
    );
    let odd = || {
        let same = Action::Deposit(Deposit {
            amount: amount(1),
            reference: ReferenceId(reference),
            release_at: None,
        });
        [(4, keyed(deposit(wallets[4], 1), "k", 0)), (11, operation(wallets[11], same))]
    };
    for (insert, (place, odd)) in [key, &used].into_iter().zip(odd()) {
        let holder = holder(&db, insert).await;
        let told = join_all(wallets.iter().enumerate().map(|(n, wallet)| {
            posting_loop.book(if n == place { odd.clone() } else { deposit(*wallet, 1) })
        }))
        .await;
        for (n, told) in told.iter().enumerate() {
            if n == place {
                assert_eq!(told, &Err(NotPosted::Failed(LedgerError::Unavailable)));
            } else {
                assert!(told.is_ok(), "{n}: {told:?}");
            }
        }
        let waiting = post(&posting_loop, odd);
        the_loop_waits(&mut looker).await;
        let_go(holder).await;
        waiting.await.unwrap().unwrap();
    }
    assert_eq!(db.number("select sum(available) from wallets").await, 40);
}

/// The row of a lost commit may be locked by our own old session, or by whoever stood in line behind it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_lost_commit_a_held_wallet_is_waited_for_and_not_left_out() {
    let db = TestDatabase::create().await;
    let wallet = db.wallets(1).await[0];
    let (proxy, url) = Proxy::to_database(&db.url).await;
    let posting_loop = start(&url);
    posting_loop.book(deposit(wallet, 1)).await.unwrap();
    // The lane locks the wallet and waits at the key; somebody else queues for the wallet behind it.
    let key = "insert into keys (actor, key, request_hash, operation_id, outcome)
               values ('a test', 'k', decode(repeat('00', 32), 'hex'), gen_random_uuid(), '{}')";
    let (key_holder, mut looker) = (holder(&db, key).await, db.connect().await);
    proxy.cut_before_the_next_commit();
    let waiting = post(&posting_loop, keyed(deposit(wallet, 10), "k", 0));
    the_loop_waits(&mut looker).await;
    let row_holder = tokio::spawn({
        let url = db.url.clone();
        async move {
            use sqlx::Connection;
            let mut conn = PgConnection::connect(&url).await.unwrap();
            let lock = format!(
                "set application_name = 'second'; begin; select 1 from wallets where id = '{wallet}' for update"
            );
            sqlx::raw_sql(AssertSqlSafe(lock)).execute(&mut conn).await.unwrap();
            sleep(Duration::from_millis(600)).await;
            let_go(conn).await;
        }
    });
    let_go(key_holder).await;
    waiting.await.unwrap().unwrap();
    row_holder.await.unwrap();
    assert_eq!(db.number("select available from wallets").await, 11);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_names_the_held_wallet_and_who_holds_it_once() {
    let service = Service::of(1, &[("KAFKA_BROKERS", ""), ("REDIS_URL", "")]).await;
    let customer = service.customer().await.remove(0);
    let holder = hold(&service.db, WalletId(customer.wallet)).await;
    for _ in 0..2 {
        let answer = customer.deposit(1).await;
        assert_eq!((answer.status, answer.code()), (503, "unavailable"));
    }
    let_go(holder).await;
    assert_eq!(customer.deposit(1).await.status, 201);
    let named = |word: &str| {
        let log = service.servers[0].log();
        log.iter().filter(|line| line.contains(&customer.wallet.to_string()) && line.contains(word)).count()
    };
    until("the end is noted", LIMIT, async || (named("go on again") > 0).then_some(())).await;
    // The session's state is shown to its own role and to pg_read_all_stats only.
    assert_eq!((named("a clerk"), named("in a transaction for"), named("go on again")), (1, 1, 1));
}

/// What one held wallet costs the others: printed, to be compared by hand.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn others_move_money_beside_a_held_wallet() {
    let service = Service::of(1, &[("KAFKA_BROKERS", ""), ("REDIS_URL", "")]).await;
    let held = service.customer().await.remove(0);
    let (done, stop) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let mut clients = JoinSet::new();
    for _ in 0..6 {
        let (customer, done, stop) =
            (service.customer().await.remove(0), Arc::clone(&done), Arc::clone(&stop));
        clients.spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                if customer.deposit(1).await.status == 201 {
                    done.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
    }
    let rate = async |held_by: &str| {
        let (before, since) = (done.load(Ordering::Relaxed), Instant::now());
        sleep(Duration::from_secs(4)).await;
        let booked = done.load(Ordering::Relaxed) - before;
        println!(
            "{held_by}: {:.0} deposits a second of 6 others",
            booked as f64 / since.elapsed().as_secs_f64()
        );
        booked
    };
    let before = rate("nobody holds the seventh wallet").await;
    let holder = hold(&service.db, WalletId(held.wallet)).await;
    for _ in 0..3 {
        let (held, stop) = (held.clone(), Arc::clone(&stop));
        clients.spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                held.deposit(1).await;
            }
        });
    }
    let beside = rate("somebody holds it").await;
    let_go(holder).await;
    stop.store(true, Ordering::Relaxed);
    clients.join_all().await;
    assert!(before > 0 && beside > 0, "{before} and {beside} deposits");
}
