//! Without Postgres the service says so, in time; what it says is true, and it finds Postgres again by itself.

use std::time::{Duration, Instant};

use futures_util::{FutureExt, future::join_all};
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tokio::time::sleep;
use uuid::Uuid;

use super::{MANNER, RECOVERY, end_well, health, is};
use crate::support::{
    app::PRODUCTION,
    books::Books,
    customer::Customer,
    load::{Load, MoneyRequest, Reply},
    own_server::OwnServer,
    process::Server,
    reader::Reader,
    service::Service,
    topic::tell_the_books,
    wait::until,
};

/// What the API promises while Postgres is away.
const ANSWERS_WITHIN: Duration = Duration::from_millis(3_500);

/// Without its books the service says so, in JSend and in time.
async fn says_that_the_books_are_away(base: &str, customer: &Customer) {
    let init = async { customer.post("/init", json!({"customer_xid": Uuid::new_v4()})).await };
    let asked = [
        ("deposit", customer.deposit(1).boxed()),
        ("withdraw", customer.withdraw(1).boxed()),
        ("transfer", customer.transfer(Uuid::new_v4(), 1).boxed()),
        ("disable", customer.disable().boxed()),
        ("init", init.boxed()),
        ("list", customer.get("/wallet/transactions").boxed()),
        ("largest", customer.get("/wallet/top-transfers").boxed()),
        ("health", health(base).boxed()),
    ];
    join_all(asked.map(async |(what, answer)| {
        let since = Instant::now();
        let answer = answer.await;
        assert!(since.elapsed() < ANSWERS_WITHIN, "{what}: answered after {:?}", since.elapsed());
        assert_eq!((answer.status, answer.code()), (503, "unavailable"), "{what}: {answer:?}");
        assert_eq!(answer.body["status"], "error", "{what}: {answer:?}");
    }))
    .await;
    let shown = customer.get("/wallet").await;
    assert!(matches!(shown.status, 200 | 503), "a cached balance may be shown: {shown:?}");
}

/// Every answer came in time; of those that were no booking, only that the books are away was said.
fn answered_in_time(all: &[MoneyRequest]) {
    let attempts = || all.iter().flat_map(|asked| &asked.attempts);
    let slowest = attempts().max_by_key(|attempt| attempt.took).expect("an attempt");
    println!("slowest: {slowest:?}");
    assert!(slowest.took < ANSWERS_WITHIN, "{slowest:?}");
    let dropped = attempts().find(|attempt| matches!(attempt.reply, Reply::Nothing(_)));
    assert!(dropped.is_none(), "{dropped:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_postgres_is_stopped_it_is_said_in_time_and_it_is_found_again() {
    let postgres = OwnServer::postgres().await;
    let service = Service::of(1, &[("DATABASE_URL", postgres.address())]).await;
    let base = &service.servers[0].base;
    let somebody = Customer::enabled(base).await;
    let load = Load::start(base, 6, MANNER).await;
    let reader = Reader::start(&load, base);
    load.goes_on(50).await;
    for is_crash in [false, true] {
        if is_crash {
            postgres.kill().await;
        } else {
            postgres.stop().await;
        }
        // The last answer is given again for a second.
        is(base, "down").await;
        says_that_the_books_are_away(base, &somebody).await;
        assert_eq!(
            crate::support::client::get(format!("{base}/health/ready")).await.expect("an answer").status(),
            503
        );
        assert_eq!(
            crate::support::client::get(format!("{base}/health/live")).await.expect("an answer").status(),
            200
        );
        sleep(Duration::from_secs(1)).await;
        postgres.start().await;
        load.goes_on(50).await;
        is(base, "ok").await;
    }
    println!("{:?}", reader.stop().await);
    let all = end_well([load], &service).await;
    answered_in_time(&all);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_postgres_is_frozen_every_answer_comes_in_time_and_is_true() {
    let postgres = OwnServer::postgres().await;
    let service = Service::of(1, &[("DATABASE_URL", postgres.address())]).await;
    let base = &service.servers[0].base;
    let load = Load::start(base, 12, MANNER).await;
    for frozen_for in [1_000, 4_500] {
        load.goes_on(50).await;
        postgres.freeze().await;
        sleep(Duration::from_millis(frozen_for)).await;
        postgres.thaw().await;
        load.goes_on(50).await;
        is(base, "ok").await;
    }
    let all = end_well([load], &service).await;
    answered_in_time(&all);
}

/// A machine that loses its power says no farewell: every connection stays and is dead.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_to_postgres_that_go_silent_are_given_up() {
    let (service, proxy) = Service::behind_a_proxy().await;
    let base = &service.servers[0].base;
    let load = Load::start(base, 6, MANNER).await;
    let reader = Reader::start(&load, base);
    load.goes_on(50).await;
    is(base, "ok").await;
    // More newcomers than the pool has connections wait for an answer of Postgres when the connections go silent.
    let somebody = Customer::enabled(base).await;
    let newcomers =
        || join_all((0..8).map(|_| somebody.post("/init", json!({"customer_xid": Uuid::new_v4()}))));
    until("the pool is full", RECOVERY, async || {
        newcomers().await.iter().all(|answer| answer.status == 201).then_some(())
    })
    .await;
    let mut holder = service.db.connect().await;
    sqlx::raw_sql("begin; lock table customers in exclusive mode")
        .execute(&mut holder)
        .await
        .expect("a lock");
    let since = Instant::now();
    let (refused, ()) = tokio::join!(newcomers(), async {
        sleep(Duration::from_millis(200)).await;
        proxy.mute();
    });
    assert!(refused.iter().all(|answer| answer.code() == "unavailable"), "{refused:?}");
    assert!(since.elapsed() < ANSWERS_WITHIN, "{:?}", since.elapsed());
    sqlx::raw_sql("rollback").execute(&mut holder).await.expect("the lock is given back");
    load.goes_on(50).await;
    until("newcomers can come again", RECOVERY, async || {
        newcomers().await.iter().all(|answer| answer.status == 201).then_some(())
    })
    .await;
    is(base, "degraded").await;
    is(base, "ok").await;
    println!("{:?}", reader.stop().await);
    let all = load.stop().await;
    answered_in_time(&all);
    Books::read(&service.db.url).await.explain(&all);
    tell_the_books(&service.settings).await;
}

/// The database's default would let Postgres confirm a commit that is not on the disk; the loop asks for more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_answered_survives_a_crash_of_postgres_whatever_its_default_for_commits() {
    let postgres = OwnServer::postgres().await;
    let lazy = "alter system set synchronous_commit = off; alter system set wal_writer_delay = '10s'";
    administer(&postgres, lazy).await;
    let alone = [("DATABASE_URL", postgres.address()), ("KAFKA_BROKERS", ""), ("REDIS_URL", "")];
    let service = Service::of(1, &alone).await;
    let customer = Customer::enabled(&service.servers[0].base).await;
    for round in 1..=3 {
        assert_eq!(customer.deposit(1).await.status, 201);
        postgres.kill().await;
        postgres.start().await;
        let version = until("Postgres is found again", RECOVERY, async || {
            let answer = customer.deposit(10).await;
            (answer.status == 201).then(|| answer.version.expect("a version"))
        })
        .await;
        assert_eq!(customer.balance(version).await, round * 11);
    }
}

/// No session can set these, so the service does not trust such a server with money.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_may_lose_what_it_confirmed_is_refused_in_production() {
    let postgres = OwnServer::postgres().await;
    administer(&postgres, "alter system set fsync = off; alter system set full_page_writes = off").await;
    let alone = [("DATABASE_URL", postgres.address()), ("KAFKA_BROKERS", ""), ("REDIS_URL", "")];
    let service = Service::of(1, &alone).await;
    let warned = "Postgres runs with fsync and full_page_writes off";
    assert!(service.servers[0].log().iter().any(|line| line.contains("WARN") && line.contains(warned)));
    let mut settings = service.settings.clone();
    settings.extend(PRODUCTION.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let mut refused = Server::begin(&settings);
    let ended = tokio::task::block_in_place(|| refused.ended(RECOVERY));
    assert_eq!(ended.code(), Some(1));
    until("the reason is in the log", RECOVERY, async || {
        refused.log().iter().any(|line| line.contains(warned)).then_some(())
    })
    .await;
}

/// Runs settings of the whole server, each by itself, and has it read them.
async fn administer(postgres: &OwnServer, sql: &str) {
    let mut conn = PgConnection::connect(postgres.address()).await.expect("Postgres");
    for statement in sql.split(';').chain(["select pg_reload_conf()"]) {
        sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(&mut conn).await.expect("a setting");
    }
}
