//! A Redis that cannot be used, or that refuses: it is named once, with the reason, and balances come from Postgres.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use serde_json::{Value, json};

use crate::support::{
    app::settings_for,
    customer::Customer,
    database::TestDatabase,
    odd_redis::OddRedis,
    own_server::OwnServer,
    process::{Server, command, free_port},
    service::Service,
    wait::until,
};

const WAIT_TIMEOUT: Duration = Duration::from_secs(30);

async fn raw(url: &str) -> Option<MultiplexedConnection> {
    redis::Client::open(url).ok()?.get_multiplexed_async_connection().await.ok()
}

async fn health(base: &str) -> Value {
    let answer = crate::support::client::get(format!("{base}/health")).await.expect("an answer");
    answer.json::<Value>().await.expect("a report")["data"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_and_a_sentinel_are_refused_at_the_start() {
    let db = TestDatabase::create().await;
    let odd =
        [OddRedis::cluster(free_port()).once_up().await, OddRedis::sentinel(free_port()).once_up().await];
    for (redis, word) in odd.iter().zip(["Redis Cluster", "Sentinel"]) {
        let mut settings = settings_for(&db);
        settings.insert("REDIS_URL".to_owned(), redis.url.clone());
        for arguments in [&["serve"][..], &["cache", "rebuild"]] {
            let output = command(&settings, arguments).output().expect("the command");
            let said = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(1), "{arguments:?}: {said}");
            assert!(said.contains("REDIS_URL") && said.contains(word), "{arguments:?}: {said}");
        }
    }
}

/// A Redis that is away is no reason not to start; what comes up there later is named and not used.
#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_comes_up_later_is_named_once_and_not_used() {
    let port = free_port();
    let service = Service::of(1, &[("REDIS_URL", &format!("redis://127.0.0.1:{port}"))]).await;
    let server = &service.servers[0];
    let _redis = OddRedis::cluster(port).once_up().await;
    until("it is named", WAIT_TIMEOUT, async || (!server.logged("Redis Cluster").is_empty()).then_some(()))
        .await;
    let customer = Customer::enabled(&server.base).await;
    assert_eq!(customer.deposit(70).await.status, 201);
    assert_eq!(customer.get("/wallet").await.body["data"]["wallet"]["balance"], 70);
    tokio::time::sleep(Duration::from_secs(3)).await;
    let named = server.logged("Redis Cluster");
    assert_eq!(named.len(), 1, "{named:?}");
    assert_eq!(health(&server.base).await["cache"], json!({"kind": "redis", "ok": false}));
}

/// Books something, and waits until the refusal shows.
async fn is_refused(server: &Server, customer: &Customer, reason: &str) {
    assert_eq!(customer.deposit(5).await.status, 201);
    until("it is named", WAIT_TIMEOUT, async || (!server.logged(reason).is_empty()).then_some(())).await;
    until("the report says so", WAIT_TIMEOUT, async || {
        let report = health(&server.base).await;
        (report["status"] == "degraded" && report["cache"]["ok"] == false).then_some(())
    })
    .await;
    for _ in 0..3 {
        assert_eq!(customer.deposit(5).await.status, 201);
        let version = customer.get("/wallet").await.version.expect("a version");
        assert!(version > 0);
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    let named = server.logged(reason);
    assert_eq!(named.len(), 1, "{named:?}");
}

async fn is_ok(base: &str) {
    until("all is well", WAIT_TIMEOUT, async || (health(base).await["status"] == "ok").then_some(())).await;
}

/// Full, and set up to refuse instead of forgetting.
#[tokio::test(flavor = "multi_thread")]
async fn a_redis_without_memory_is_named_once_and_used_again_when_it_has_some() {
    let redis = OwnServer::redis().await;
    let service = Service::of(1, &[("REDIS_URL", redis.address())]).await;
    let server = &service.servers[0];
    let customer = Customer::enabled(&server.base).await;
    is_ok(&server.base).await;
    let mut raw = raw(redis.address()).await.expect("a connection");
    let mut set = async |name: &str, value: &str| {
        redis::cmd("CONFIG").arg("SET").arg(name).arg(value).exec_async(&mut raw).await.expect("it is set");
    };
    set("maxmemory-policy", "noeviction").await;
    set("maxmemory", "1").await;
    is_refused(server, &customer, "OOM").await;
    set("maxmemory", "100mb").await;
    is_ok(&server.base).await;
    assert_eq!(server.logged("Redis takes writes again").len(), 1);
}

/// A user who may read and not write, then one who may do nothing at all.
#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_grants_no_rights_is_named_once() {
    let redis = OwnServer::redis().await;
    let mut raw = raw(redis.address()).await.expect("a connection");
    let mut grant = async |name: &str, rules: &[&str]| {
        let command =
            redis::cmd("ACL").arg("SETUSER").arg(name).arg(&["reset", "on", ">word", "~*"]).to_owned();
        command.to_owned().arg(rules).exec_async(&mut raw).await.expect("a user");
    };
    grant("reader", &["+@read", "+@connection", "+info", "+script", "+evalsha"]).await;
    grant("nobody", &["+@connection"]).await;
    let as_user = |name: &str| redis.address().replace("redis://", &format!("redis://{name}:word@"));

    let service = Service::of(1, &[("REDIS_URL", &as_user("reader"))]).await;
    let customer = Customer::enabled(&service.servers[0].base).await;
    is_refused(&service.servers[0], &customer, "Redis refuses").await;

    let service = Service::of(1, &[("REDIS_URL", &as_user("nobody"))]).await;
    let server = &service.servers[0];
    let customer = Customer::enabled(&server.base).await;
    assert_eq!(customer.deposit(5).await.status, 201);
    assert_eq!(customer.get("/wallet").await.body["data"]["wallet"]["balance"], 5);
    tokio::time::sleep(Duration::from_secs(3)).await;
    let named = server.logged("no permissions");
    assert_eq!(named.len(), 1, "{named:?}");
}
