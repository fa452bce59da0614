//! A status does not lag.

use std::time::Duration;

use super::wire::Wire;
use crate::support::{app::TestApp, process::Server, wait::until};

/// Disables and enables, with reads around it that keep the cache warm; what answers last is what is read next.
async fn nothing_lags(writer: &Wire, reader: &Wire) {
    for round in 0..20 {
        assert_eq!(reader.get("/wallet").await.status, 200, "round {round}");
        assert_eq!(writer.disable().await.status, 200);
        for path in ["/wallet", "/wallet/transactions", "/wallet/top-transfers"] {
            let code = reader.get(path).await.code();
            assert_eq!(code, (404, "wallet_disabled".to_owned()), "round {round}: {path}");
        }
        assert_eq!(writer.deposit(1).await.status, 404);
        assert_eq!(writer.post("/wallet", "", "").await.status, 201);
    }
}

#[tokio::test]
async fn a_wallet_that_was_disabled_is_gone_at_once() {
    let app = TestApp::start().await;
    let customer = Wire::to(&app.base).enabled().await;
    nothing_lags(&customer, &customer).await;
    // Neither does the topic bring an older status back, nor the later read another moment than the answer told.
    assert_eq!(customer.disable().await.status, 200);
    let enabled = customer.post("/wallet", "", "").await.json()["data"]["wallet"]["enabled_at"].clone();
    for _ in 0..40 {
        assert_eq!(customer.get("/wallet").await.json()["data"]["wallet"]["enabled_at"], enabled);
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
}

#[tokio::test]
async fn a_wallet_that_was_disabled_is_gone_at_once_without_kafka_and_redis() {
    let app = TestApp::start_alone().await;
    let customer = Wire::to(&app.base).enabled().await;
    nothing_lags(&customer, &customer).await;
}

#[tokio::test]
async fn a_wallet_that_was_disabled_by_another_process_is_gone_at_once() {
    let app = TestApp::start().await;
    let other = Server::start(&app.settings);
    let customer = Wire::to(&app.base).enabled().await;
    let there = Wire::to(&other.base).by(customer.authorization.clone().expect("a token"));
    nothing_lags(&customer, &there).await;
    nothing_lags(&there, &customer).await;
}

#[tokio::test]
async fn in_process_caches_forget_within_two_seconds() {
    let app = TestApp::start_alone().await;
    let other = Server::start(&app.settings);
    let customer = Wire::to(&app.base).enabled().await;
    let there = Wire::to(&other.base).by(customer.authorization.clone().expect("a token"));
    assert_eq!(there.get("/wallet").await.status, 200);
    assert_eq!(customer.disable().await.status, 200);
    until("the other process knows", Duration::from_millis(3_500), async || {
        (there.get("/wallet").await.status == 404).then_some(())
    })
    .await;
}
