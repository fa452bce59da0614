//! The public mini-wallet exercise, as its clients use it, over the whole service.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;

use super::support::{app::TestApp, wait::until};

#[tokio::test]
async fn a_deposit_reaches_the_cached_balance_through_the_topic() {
    let app = TestApp::start().await;
    let customer = app.customer().await;
    let wallet = customer.get("/wallet").await.body["data"]["wallet"].clone();
    assert_eq!((&wallet["owned_by"], &wallet["balance"]), (&json!(customer.xid), &json!(0)));
    let deposited = customer.deposit(1_000).await;
    assert_eq!((deposited.status, deposited.version), (201, Some(1)), "{deposited:?}");
    assert_eq!(customer.balance(1).await, 1_000, "a client that asks for its own write sees it at once");
    until("the balance is fresh", Duration::from_secs(5), async || {
        (customer.get("/wallet").await.body["data"]["wallet"]["balance"] == json!(1_000)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn fifty_clients_deposit_at_once_over_http() {
    let app = TestApp::start_alone().await;
    let customer = app.customer().await;
    let answers = join_all((0..50).map(|_| customer.deposit(1))).await;
    assert!(answers.iter().all(|answer| answer.status == 201), "{answers:?}");
    assert_eq!(customer.balance(50).await, 50);
}
