//! Kafka, Redis and Postgres stopped, crashed and frozen while money moves.

use std::time::{Duration, Instant};

use futures_util::{FutureExt, future::join_all};
use serde_json::json;
use tokio::time::sleep;
use uuid::Uuid;

use super::support::{
    books::Books,
    customer::{Answer, Customer},
    load::{Asked, Load, Manner, Told},
    own_server::OwnServer,
    process::Server,
    reader::Reader,
    service::Service,
    topic::tell_the_books,
    wait::until,
};

const MANNER: Manner =
    Manner { insists: false, pause: Duration::from_millis(20), patience: Duration::from_secs(30) };
/// How long a server may take to find back what it had lost.
const RECOVERY: Duration = Duration::from_secs(30);

async fn health(base: &str) -> Answer {
    Answer::of(reqwest::get(format!("{base}/health")).await.expect("an answer")).await
}

async fn is(base: &str, word: &str) {
    until(&format!("the service is {word}"), RECOVERY, async || {
        (health(base).await.body["data"]["status"] == word).then_some(())
    })
    .await;
}

/// How many balances were read from there so far.
async fn reads_from(base: &str, place: &str) -> u64 {
    let page = reqwest::get(format!("{base}/metrics")).await.expect("the page").text().await.expect("text");
    let name = format!("wallet_balance_reads_total{{from=\"{place}\"}} ");
    page.lines().find_map(|line| line.strip_prefix(&name)?.parse().ok()).unwrap_or(0)
}

/// Stops the clients. What they were told is in the books and in the topic, and the cache shows it.
async fn end_well(loads: impl IntoIterator<Item = Load>, service: &Service) -> Vec<Asked> {
    let mut all = Vec::new();
    let mut customers = Vec::new();
    for load in loads {
        customers.clone_from(&load.customers);
        all.extend(load.stop().await);
    }
    Books::read(&service.settings["DATABASE_URL"]).await.explain(&all);
    tell_the_books(&service.settings).await;
    for Server { base, .. } in &service.servers {
        is(base, "ok").await;
        for (customer, heard) in &customers {
            let customer = customer.at(base);
            let last = heard.lock().unwrap().iter().map(|(_, version)| *version).max().unwrap_or(0);
            let balance = customer.balance(last).await;
            until("the cache shows what the books have", RECOVERY, async || {
                let before = reads_from(base, "cache").await;
                let shown = customer.get("/wallet").await.body["data"]["wallet"]["balance"] == json!(balance);
                (shown && reads_from(base, "cache").await > before).then_some(())
            })
            .await;
        }
    }
    all
}

fn none_failed(all: &[Asked]) {
    let failed =
        all.iter().find(|asked| matches!(asked.attempts[0].told, Told::Other(..) | Told::Nothing(_)));
    assert!(failed.is_none(), "money did not move: {failed:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_kafka_is_away_money_moves_and_the_topic_catches_up() {
    let kafka = OwnServer::kafka().await;
    let mut service = Service::of(1, &[("KAFKA_BROKERS", kafka.address())]).await;
    let load = Load::start(&service.servers[0].base, 4, MANNER).await;
    let readers = [Reader::start(&load, &service.servers[0].base)];
    load.goes_on(50).await;
    is(&service.servers[0].base, "ok").await;
    kafka.kill().await;
    // A server starts without it, too, on a database that is ahead of the topic.
    service.servers.push(Server::start(&service.settings));
    let beside = load.beside(&service.servers[1].base, MANNER);
    let readers = readers.into_iter().chain([Reader::start(&load, &service.servers[1].base)]);
    let readers: Vec<Reader> = readers.collect();
    for server in &service.servers {
        is(&server.base, "degraded").await;
        let bus = &health(&server.base).await.body["data"]["bus"];
        assert_eq!(*bus, json!({"kind": "kafka", "ok": false}));
    }
    // Longer than a balance may lag.
    sleep(Duration::from_secs(6)).await;
    load.goes_on(50).await;
    kafka.start().await;
    load.goes_on(50).await;
    for server in &service.servers {
        is(&server.base, "ok").await;
    }
    for reader in readers {
        println!("{:?}", reader.stop().await);
    }
    none_failed(&end_well([load, beside], &service).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_redis_is_away_balances_are_right_and_then_it_is_fresh_again() {
    let redis = OwnServer::redis().await;
    redis.stop().await;
    let service = Service::of(1, &[("REDIS_URL", redis.address())]).await;
    let base = &service.servers[0].base;
    let load = Load::start(base, 6, MANNER).await;
    let reader = Reader::start(&load, base);
    load.goes_on(50).await;
    is(base, "degraded").await;
    assert_eq!(health(base).await.body["data"]["cache"], json!({"kind": "redis", "ok": false}));
    redis.start().await;
    is(base, "ok").await;
    load.goes_on(50).await;
    redis.kill().await;
    load.goes_on(50).await;
    is(base, "degraded").await;
    redis.start().await;
    is(base, "ok").await;
    redis.freeze().await;
    load.goes_on(50).await;
    sleep(Duration::from_secs(1)).await;
    redis.thaw().await;
    load.goes_on(50).await;
    is(base, "ok").await;
    println!("{:?}", reader.stop().await);
    none_failed(&end_well([load], &service).await);
}

/// The write-through of a status fails while Redis is frozen; what Redis still says when it is back must not be shown.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disabling_that_redis_has_missed_is_not_forgotten() {
    let redis = OwnServer::redis().await;
    let service = Service::of(1, &[("REDIS_URL", redis.address())]).await;
    let base = &service.servers[0].base;
    is(base, "ok").await;
    for frozen_for in [700, 900] {
        let customer = Customer::enabled(base).await;
        assert_eq!(customer.get("/wallet").await.status, 200);
        redis.freeze().await;
        // This one finds out that Redis does not answer; from now on nobody asks it.
        assert_eq!(customer.get("/wallet").await.status, 200);
        assert_eq!(customer.disable().await.status, 200);
        sleep(Duration::from_millis(frozen_for)).await;
        assert_eq!(customer.get("/wallet").await.code(), "wallet_disabled");
        redis.thaw().await;
        let since = Instant::now();
        while since.elapsed() < Duration::from_millis(1_500) {
            let shown = customer.get("/wallet").await;
            let after = since.elapsed();
            assert_eq!(shown.code(), "wallet_disabled", "{after:?} after Redis was back: {shown:?}");
        }
    }
}

/// What the API promises while Postgres is away.
const ANSWERS_WITHIN: Duration = Duration::from_millis(3_500);

/// Without its books the service says so, in JSend and in time.
async fn says_that_the_books_are_away(base: &str, customer: &Customer) {
    let init = async { customer.post("/init", json!({"customer_xid": Uuid::new_v4()})).await };
    let asked = [
        ("deposit", customer.deposit(1).boxed()),
        ("withdraw", customer.withdraw(1).boxed()),
        ("disable", customer.disable().boxed()),
        ("init", init.boxed()),
        ("list", customer.get("/wallet/transactions").boxed()),
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
fn answered_in_time(all: &[Asked]) {
    let attempts = || all.iter().flat_map(|asked| &asked.attempts);
    let slowest = attempts().max_by_key(|attempt| attempt.took).expect("an attempt");
    println!("slowest: {slowest:?}");
    assert!(slowest.took < ANSWERS_WITHIN, "{slowest:?}");
    let dropped = attempts().find(|attempt| matches!(attempt.told, Told::Nothing(_)));
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
        says_that_the_books_are_away(base, &somebody).await;
        assert_eq!(reqwest::get(format!("{base}/health/ready")).await.expect("an answer").status(), 503);
        assert_eq!(reqwest::get(format!("{base}/health/live")).await.expect("an answer").status(), 200);
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
