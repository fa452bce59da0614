//! Without Redis balances come from Postgres, and what Redis has missed is not shown when it is back.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::time::sleep;

use super::{MANNER, end_well, health, is, none_failed};
use crate::support::{
    customer::Customer, load::Load, own_server::OwnServer, reader::Reader, service::Service,
};

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
