//! States of Postgres that no operation can cause: callers are told that the service is unavailable, and the service
//! finds back by itself.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use serde_json::json;
use sqlx::{Connection, PgConnection, Row};
use tokio::task::JoinHandle;
use uuid::Uuid;
use wallet::{
    db::{self, migrator},
    ledger::{
        LedgerError,
        audit::audit,
        posting::{PostingLoop, store},
    },
};

use super::support::{
    app::TestApp,
    app::settings_for,
    customer::{Answer, Customer},
    database::TestDatabase,
    operations::{Expecting, NotPosted, deposit, settings},
    process::Server,
    wait::until,
};

/// How long a test waits for what must come by itself.
const LIMIT: Duration = Duration::from_secs(20);

/// Ends every session of the service, so that new ones begin with the database's settings of now.
const END_SESSIONS: &str = "select pg_terminate_backend(pid) from pg_stat_activity
                            where datname = current_database() and pid <> pg_backend_pid()";

/// Changes a setting of the test's database, for sessions to come.
async fn alter(db: &TestDatabase, what: &str) {
    db.run(&format!("do $$ begin execute format('alter database %I {what}', current_database()); end $$"))
        .await;
}

async fn init(app: &TestApp) -> Answer {
    let customer =
        Customer { base: app.base.clone(), xid: Uuid::nil(), token: String::new(), wallet: Uuid::nil() };
    customer.post("/init", json!({"customer_xid": Uuid::new_v4()})).await
}

async fn works(what: &str, ask: impl AsyncFn() -> Answer) {
    until(what, LIMIT, async || matches!(ask().await.status, 200 | 201).then_some(())).await;
}

/// Each SQLSTATE as Postgres itself sends it.
#[tokio::test]
async fn what_no_operation_can_cause_is_passing_whatever_its_code() {
    let db = TestDatabase::create().await;
    let wallets = db.wallets(3).await;
    let posting_loop = PostingLoop::start(settings(&db.url), Arc::new(tokio::sync::Notify::new()));
    db.run(
        "create table trouble (code text);
         create function trouble() returns trigger language plpgsql security definer as $$
         declare trouble text := (select code from trouble);
         begin
             if trouble <> '' then raise exception 'trouble' using errcode = trouble; end if;
             return null;
         end $$;
         insert into trouble values ('');
         create trigger trouble before insert on transactions for each statement execute function trouble()",
    )
    .await;
    let ask = async || join_all(wallets.iter().map(|wallet| posting_loop.book(deposit(*wallet, 1)))).await;
    let mut booked = 0;
    for code in
        "57P05 28P01 55000 3D000 53100 53200 53400 58030 57P04 0A000 25006 42703 42501 XX000".split(' ')
    {
        db.run(&format!("update trouble set code = '{code}'")).await;
        let told = ask().await;
        assert!(
            told.iter().all(|told| *told == Err(NotPosted::Failed(LedgerError::Unavailable))),
            "{code}: {told:?}"
        );
        db.run("update trouble set code = ''").await;
        let told = ask().await;
        assert!(told.iter().all(Result::is_ok), "{code}: {told:?}");
        booked += 3;
    }
    for code in "22003 23514 23001 P0001".split(' ') {
        db.run(&format!("update trouble set code = '{code}'")).await;
        let told = ask().await;
        assert!(
            told.iter().all(|told| matches!(told, Err(NotPosted::Failed(LedgerError::Internal(_))))),
            "{code}: {told:?}"
        );
    }
    assert_eq!(db.number("select sum(available) from wallets").await, booked);
    db.run("drop trigger trouble on transactions; drop function trouble; drop table trouble").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_that_postgres_ends_when_they_idle_are_made_again_unnoticed() {
    let app = TestApp::start_alone().await;
    let customer = app.customer().await;
    alter(&app.db, "set idle_session_timeout = 100").await;
    app.db.run(END_SESSIONS).await;
    // Sessions that were ended in the middle of a question are no matter of idling.
    works("money moves", async || customer.deposit(1).await).await;
    works("newcomers can come", async || init(&app).await).await;
    for _ in 0..3 {
        let idle = "select count(*) from pg_stat_activity where datname = current_database()
                    and application_name in ('wallet', 'wallet posting loop') and state = 'idle'";
        until("they have idled for too long", LIMIT, async || (app.db.number(idle).await == 0).then_some(()))
            .await;
        assert_eq!(customer.deposit(1).await.status, 201);
        assert_eq!(init(&app).await.status, 201);
        assert_eq!(customer.get("/wallet/transactions").await.status, 200);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_that_began_read_only_are_replaced_when_the_database_is_writable_again() {
    let app = TestApp::start_alone().await;
    let customer = app.customer().await;
    alter(&app.db, "set default_transaction_read_only = on").await;
    app.db.run(END_SESSIONS).await;
    let refused =
        || async { [customer.deposit(1).await, init(&app).await, init(&app).await, init(&app).await] };
    for answer in refused().await {
        assert_eq!((answer.status, answer.code()), (503, "unavailable"), "{answer:?}");
    }
    // Each session of the pool has begun read-only.
    let reads = join_all((0..8).map(|_| customer.get("/wallet/transactions"))).await;
    assert!(reads.iter().all(|answer| answer.status == 200), "{reads:?}");
    let mut writable = app.db.connect().await;
    for sql in [
        "set default_transaction_read_only = off",
        "do $$ begin execute format('alter database %I reset default_transaction_read_only', current_database()); end $$",
    ] {
        sqlx::raw_sql(sql).execute(&mut writable).await.unwrap();
    }
    works("money moves", async || customer.deposit(1).await).await;
    until("newcomers can come", LIMIT, async || {
        join_all((0..8).map(|_| init(&app))).await.iter().all(|answer| answer.status == 201).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_that_a_change_of_the_schema_made_stale_is_made_again() {
    let app = TestApp::start_alone().await;
    let customer = app.customer().await;
    assert_eq!(customer.deposit(1).await.status, 201);
    let look = || async {
        let body = json!({"amount": 1, "reference_id": Uuid::new_v4()});
        customer.post("/wallet/deposits?dry_run=true", body).await
    };
    let looks = || join_all((0..8).map(|_| look()));
    let all_look = || async {
        until("every session of the pool looks", LIMIT, async || {
            looks().await.iter().all(|answer| answer.status == 200).then_some(())
        })
        .await;
    };
    all_look().await;
    app.db.run("alter table wallets alter column currency type varchar(3)").await;
    assert_eq!(customer.deposit(1).await.status, 201, "the lane tries again on a new session");
    for answer in looks().await {
        assert!(matches!((answer.status, answer.code()), (200, _) | (503, "unavailable")), "{answer:?}");
    }
    all_look().await;
    app.db.run("alter table wallets alter column currency type text").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_that_was_changed_is_passing_while_it_serves_and_ends_a_start() {
    let db = TestDatabase::create().await;
    let role = format!("wallet_test_{}", Uuid::new_v4().simple());
    db.run(&format!("create role {role} login superuser password 'first'")).await;
    let (_, server) = db.url.rsplit_once('@').unwrap();
    let mut settings = settings_for(&db);
    settings.extend([
        ("DATABASE_URL".to_owned(), format!("postgresql://{role}:first@{server}")),
        ("KAFKA_BROKERS".to_owned(), String::new()),
        ("REDIS_URL".to_owned(), String::new()),
    ]);
    let served = Server::start(&settings);
    let customer = Customer::enabled(&served.base).await;
    db.run(&format!("alter role {role} password 'second'")).await;
    db.run(END_SESSIONS).await;
    for answer in [customer.deposit(1).await, customer.get("/wallet/transactions").await] {
        assert_eq!((answer.status, answer.code()), (503, "unavailable"), "{answer:?}");
    }
    let reason = migrator::status(&settings["DATABASE_URL"]).await.unwrap_err();
    assert!(matches!(reason, db::DbError::Misconfigured(_)), "{reason:?}");
    let reason = audit(&settings["DATABASE_URL"]).await.unwrap_err();
    assert!(matches!(reason, db::DbError::Misconfigured(_)), "{reason:?}");
    let ended = tokio::task::block_in_place(|| Server::begin(&settings).ended(Duration::from_secs(20)));
    assert_eq!(ended.code(), Some(1), "a start does not wait for what does not mend itself");
    db.run(&format!("alter role {role} password 'first'")).await;
    works("money moves", async || customer.deposit(1).await).await;
    works("history is read", async || customer.get("/wallet/transactions").await).await;
    drop(served);
    db.run(&format!("drop role {role}")).await;
}

/// A setting of the database or of the role must not decide whether an answered deposit can be lost.
#[tokio::test]
async fn commits_wait_for_the_disk_whatever_the_database_has_as_its_default() {
    let db = TestDatabase::create().await;
    for (default, expected) in [
        ("off", "on"),
        ("local", "on"),
        ("remote_write", "on"),
        ("on", "on"),
        ("remote_apply", "remote_apply"),
    ] {
        alter(&db, &format!("set synchronous_commit = {default}")).await;
        let mut lane = store::connect(&db.url).await.unwrap();
        assert_eq!(shown(&mut lane, "show synchronous_commit").await, expected, "the lane, {default}");
        let pool = db::connect(&db.url, 1).unwrap();
        let mut pooled = pool.get_postgres_connection_pool().acquire().await.unwrap();
        assert_eq!(shown(&mut pooled, "show synchronous_commit").await, expected, "the pool, {default}");
        let _ = lane.close().await;
    }
    alter(&db, "set default_transaction_isolation = serializable").await;
    alter(&db, "set standard_conforming_strings = off").await;
    let mut lane = store::connect(&db.url).await.unwrap();
    assert_eq!(shown(&mut lane, "show transaction_isolation").await, "read committed");
    assert_eq!(shown(&mut lane, "show standard_conforming_strings").await, "on");
}

async fn shown(conn: &mut PgConnection, sql: &'static str) -> String {
    sqlx::query(sql).fetch_one(conn).await.unwrap().get(0)
}

/// A login makes sqlx give way to other tasks hundreds of times; each of these tasks is busy for half a millisecond.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_is_opened_in_time_while_the_runtime_is_busy() {
    let db = TestDatabase::create().await;
    let pool = db::connect(&db.url, 2).expect("a pool");
    let busy: Vec<_> = (0..16)
        .map(|_| {
            tokio::spawn(async {
                loop {
                    let since = Instant::now();
                    while since.elapsed() < Duration::from_micros(500) {}
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    // On a worker, as a request is; the time limits of pool and session hold here, too.
    let opened = tokio::spawn(async move {
        db::ping(&pool).await?;
        let options = db::session_options(&db.url, "wallet test")?;
        db::with_connection_timeout(async { Ok(db::open(options).await?) }).await
    });
    opened.await.expect("no panic").expect("a connection of the pool and one of one's own");
    busy.iter().for_each(JoinHandle::abort);
}
