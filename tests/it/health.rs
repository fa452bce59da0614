//! `/health` and what stands behind it: asked by a crowd, beside reads that fill the pool, and while tasks die.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use serde_json::json;
use tokio::time::sleep;
use uuid::Uuid;

use super::support::{
    app::TestApp,
    customer::{Answer, Customer},
    own_server::OwnServer,
    process::Server,
    service::Service,
    wait::until,
};

const SOON: Duration = Duration::from_secs(30);
/// The API promises 2.5 s; the rest is for a busy machine.
const ANSWERS_WITHIN: Duration = Duration::from_millis(3_500);

async fn ask(base: &str, path: &str) -> Answer {
    Answer::of(crate::support::client::get(format!("{base}{path}")).await.expect("an answer")).await
}

async fn is_ok(base: &str) {
    until("the service is well", SOON, async || {
        (ask(base, "/health").await.body["data"]["status"] == "ok").then_some(())
    })
    .await;
}

/// The Kafka clients of a process: each has one thread of this name.
fn kafka_clients(server: &Server) -> usize {
    let tasks = fs::read_dir(format!("/proc/{}/task", server.id())).expect("the process's threads");
    let name = |task: std::io::Result<fs::DirEntry>| fs::read_to_string(task.ok()?.path().join("comm")).ok();
    tasks.filter_map(name).filter(|name| name.trim() == "rdk:main").count()
}

/// Their number when none has been added for two seconds: a process that has just started makes some later.
async fn settled_kafka_clients(server: &Server) -> usize {
    let (mut count, mut since) = (0, Instant::now());
    while since.elapsed() < Duration::from_secs(2) {
        let now = kafka_clients(server);
        if now != count {
            (count, since) = (now, Instant::now());
        }
        sleep(Duration::from_millis(50)).await;
    }
    count
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_that_asks_for_the_health_shares_one_kafka_client_and_is_answered_in_time() {
    let kafka = OwnServer::kafka().await;
    let service = Service::of(1, &[("KAFKA_BROKERS", kafka.address())]).await;
    let server = &service.servers[0];
    is_ok(&server.base).await;
    let before = settled_kafka_clients(server).await;
    assert!(before > 0, "the threads have other names");
    kafka.freeze().await;
    let is_over = Arc::new(AtomicBool::new(false));
    let crowd = tokio::spawn({
        let (base, is_over) = (server.base.clone(), Arc::clone(&is_over));
        async move {
            let mut answers = Vec::new();
            for _ in 0..2 {
                let one = async || {
                    let since = Instant::now();
                    (ask(&base, "/health").await, since.elapsed())
                };
                answers.extend(join_all((0..100).map(|_| one())).await);
                // What was answered is not remembered any more.
                sleep(Duration::from_millis(1_100)).await;
            }
            is_over.store(true, Ordering::Relaxed);
            answers
        }
    });
    let mut most = before;
    while !is_over.load(Ordering::Relaxed) {
        most = most.max(kafka_clients(server));
        sleep(Duration::from_millis(20)).await;
    }
    let answers = crowd.await.expect("the crowd");
    kafka.thaw().await;
    assert!(most <= before + 1, "{before} Kafka clients became {most}");
    for (answer, took) in &answers {
        assert_eq!(answer.status, 200, "{answer:?}");
        assert!(*took < ANSWERS_WITHIN, "{took:?}");
    }
    let last = &answers.last().expect("an answer").0;
    assert_eq!(last.body["data"]["bus"], json!({"kind": "kafka", "ok": false}));
    is_ok(&server.base).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_that_fill_the_pool_leave_health_and_transfers_alive() {
    let app = TestApp::start().await;
    let (customer, reader) = (app.customer().await, app.customer().await);
    let recipients: Vec<Customer> = join_all((0..10).map(|_| app.customer())).await;
    assert_eq!(customer.deposit(1_000_000).await.status, 201);
    is_ok(&app.base).await;
    // Only lists of the largest transfers need this table.
    let mut holder = app.db.connect().await;
    let lock = "begin; lock table top_transfers in access exclusive mode";
    sqlx::raw_sql(lock).execute(&mut holder).await.expect("a lock");
    let stop = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = (0..100)
        .map(|_| {
            let (reader, stop) = (reader.clone(), Arc::clone(&stop));
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    reader.get("/wallet/top-transfers").await;
                }
            })
        })
        .collect();
    let blocked = "select count(*) from pg_stat_activity where wait_event_type = 'Lock'
                   and application_name = 'wallet' and datname = current_database()";
    until("the pool is full", SOON, async || (app.db.number(blocked).await == 4).then_some(())).await;
    for recipient in &recipients {
        let health = ask(&app.base, "/health").await;
        assert_eq!((health.status, &health.body["data"]["postgres"]), (200, &json!(true)), "{health:?}");
        assert_eq!(ask(&app.base, "/health/ready").await.status, 200);
        let paid = customer.transfer(recipient.xid, 10).await;
        assert_eq!(paid.status, 201, "{paid:?}");
        sleep(Duration::from_millis(250)).await;
    }
    let unknown = customer.transfer(Uuid::new_v4(), 10).await;
    assert_eq!(unknown.code(), "recipient_unavailable", "{unknown:?}");
    stop.store(true, Ordering::Relaxed);
    sqlx::raw_sql("rollback").execute(&mut holder).await.expect("the lock is given back");
    join_all(readers).await;
    assert_eq!(reader.get("/wallet/top-transfers").await.status, 200);
}

/// Panics at fail points, which release builds do not have.
#[cfg(debug_assertions)]
mod panics {
    use super::*;
    use crate::support::{
        books::Books,
        load::{Load, Manner},
        topic::tell_the_books,
    };

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_relay_that_panics_is_started_again_and_leaves_nothing_out() {
        let mut service = Service::of(0, &[]).await;
        service.settings.insert("FAIL_POINT".to_owned(), "relay.published:3:panic".to_owned());
        service.servers.push(Server::start(&service.settings));
        let base = &service.servers[0].base;
        let customer = Customer::enabled(base).await;
        until("liveness says that a task has died", SOON, async || {
            assert_eq!(customer.deposit(1).await.status, 201);
            (ask(base, "/health/live").await.status == 503).then_some(())
        })
        .await;
        until("it runs again", SOON, async || (ask(base, "/health/live").await.status == 200).then_some(()))
            .await;
        let metrics = crate::support::client::get(format!("{base}/metrics"))
            .await
            .expect("the page")
            .text()
            .await
            .expect("text");
        let restarts = "wallet_task_restarts_total{task=\"relay-";
        assert!(metrics.lines().any(|line| line.starts_with(restarts) && line.ends_with(" 1")), "{metrics}");
        assert_eq!(customer.deposit(1).await.status, 201);
        is_ok(base).await;
        tell_the_books(&service.settings).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_posting_loop_that_panics_ends_the_process_and_every_answer_is_true() {
        let mut service = Service::of(1, &[]).await;
        let load = Load::start(&service.servers[0].base, 8, Manner::default()).await;
        load.goes_on(20).await;
        for times in [1, 2, 7] {
            let mut settings = service.settings.clone();
            settings.insert("FAIL_POINT".to_owned(), format!("loop.arrived:{times}:panic"));
            service.servers[0].signal("KILL");
            service.servers[0] = Server::start(&settings);
            load.move_to(&service.servers[0].base);
            let server = &mut service.servers[0];
            let ended = tokio::task::block_in_place(|| server.ended(SOON));
            assert_eq!(ended.code(), Some(1), "{ended:?}");
            service.servers[0] = Server::start(&service.settings);
            load.move_to(&service.servers[0].base);
            load.goes_on(20).await;
        }
        let all = load.stop().await;
        Books::read(&service.db.url).await.explain(&all);
        tell_the_books(&service.settings).await;
    }

    /// The process goes on: the loop has other batches, and nothing of its own was harmed.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_batch_that_panics_costs_its_own_answers_and_nothing_else() {
        let mut service = Service::of(0, &[]).await;
        service.settings.insert("FAIL_POINT".to_owned(), "batch.decided:9:panic".to_owned());
        service.servers.push(Server::start(&service.settings));
        let base = &service.servers[0].base;
        let load = Load::start(base, 4, Manner::default()).await;
        load.goes_on(100).await;
        assert_eq!(ask(base, "/health/live").await.status, 200);
        let all = load.stop().await;
        Books::read(&service.db.url).await.explain(&all);
        tell_the_books(&service.settings).await;
    }
}
