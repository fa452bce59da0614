//! The wallet's version on answers and reads, and the id of a request.

use reqwest::Method;
use serde_json::json;
use uuid::Uuid;

use super::wire::{Reply, Wire};
use crate::support::app::TestApp;

async fn read(customer: &Wire, path: &str, at_least: &str) -> Reply {
    customer.send(Method::GET, &format!("/api/v1{path}"), &[("min-wallet-version", at_least)], vec![]).await
}

#[tokio::test]
async fn who_asks_for_its_own_write_sees_it() {
    let app = TestApp::start().await;
    let customer = Wire::to(&app.base).enabled().await;
    for version in 1..=60_i64 {
        // The cache has the version before, as far as it has come.
        assert_eq!(customer.get("/wallet").await.status, 200);
        let deposited = customer.deposit(3).await;
        assert_eq!(deposited.header("wallet-version"), version.to_string());
        // The list is always fresh, and says so, however old the balance in the cache may be.
        for list in ["/wallet/transactions", "/wallet/top-transfers"] {
            assert_eq!(customer.get(list).await.header("wallet-version"), version.to_string());
        }
        let fresh = read(&customer, "/wallet", &version.to_string()).await;
        let wallet = &fresh.json()["data"]["wallet"];
        assert_eq!((&wallet["balance"], &wallet["version"]), (&json!(3 * version), &json!(version)));
        assert_eq!(fresh.header("wallet-version"), version.to_string());
        let list = read(&customer, "/wallet/transactions?limit=1", &version.to_string()).await;
        assert_eq!(list.json()["data"]["transactions"][0]["id"], deposited.json()["data"]["deposit"]["id"]);
    }
}

#[tokio::test]
async fn a_version_that_is_not_there_yet_is_said_to_be_so() {
    let app = TestApp::start().await;
    let customer = Wire::to(&app.base).enabled().await;
    assert_eq!(customer.deposit(3).await.status, 201);
    for path in ["/wallet", "/wallet/transactions", "/wallet/top-transfers"] {
        for early in ["2", "9007199254740993", "9223372036854775807"] {
            let reply = read(&customer, path, early).await;
            reply.assert_jsend();
            assert_eq!(reply.code(), (412, "version_not_reached".to_owned()), "{path} {early}");
            assert_eq!(reply.header("wallet-version"), "1");
        }
        for wrong in ["", "-1", "+1", "1.0", "one", "1 ", "1,1", "9223372036854775808", "\"1\""] {
            // A header's value is trimmed on its way.
            let expected = if wrong == "1 " { 200 } else { 400 };
            let reply = read(&customer, path, wrong).await;
            assert_eq!(reply.status, expected, "{path} {wrong:?}");
            if expected == 400 {
                assert_eq!(reply.code().1, "invalid_header");
            }
        }
        assert_eq!(read(&customer, path, "0").await.status, 200);
        assert_eq!(read(&customer, path, "1").await.status, 200);
    }
    // A disabled wallet does not tell its version.
    assert_eq!(customer.disable().await.header("wallet-version"), "1");
    let disabled = read(&customer, "/wallet", "1").await;
    assert_eq!((disabled.code().1.as_str(), disabled.header("wallet-version")), ("wallet_disabled", ""));
}

#[tokio::test]
async fn every_answer_has_the_requests_id() {
    let app = TestApp::start_alone().await;
    let wire = Wire::to(&app.base);
    let customer = wire.enabled().await;
    let own = "4-Me_and.1";
    for (asks, method, path) in [
        (&customer, Method::GET, "/api/v1/wallet"),
        (&customer, Method::POST, "/api/v1/wallet"),
        (&customer, Method::POST, "/api/v1/wallet/deposits"),
        (&wire, Method::GET, "/api/v1/wallet"),
        (&wire, Method::GET, "/nowhere"),
        (&wire, Method::DELETE, "/api/v1/wallet"),
        (&wire, Method::GET, "/health"),
        (&wire, Method::GET, "/metrics"),
        (&wire, Method::GET, "/swagger"),
        (&wire, Method::HEAD, "/health"),
    ] {
        let reply = asks.send(method.clone(), path, &[("x-request-id", own)], vec![]).await;
        assert_eq!(reply.header("x-request-id"), own, "{method} {path}");
        for odd in ["a b", "<script>", "a\"b", &"x".repeat(129)] {
            let reply = asks.send(method.clone(), path, &[("x-request-id", odd)], vec![]).await;
            let made: Uuid = reply.header("x-request-id").parse().expect("one of ours");
            assert_eq!(made.get_version_num(), 7, "{method} {path}");
        }
    }
    let (one, other) = (wire.get("/errors").await, wire.get("/errors").await);
    assert_ne!(one.header("x-request-id"), other.header("x-request-id"));
}
