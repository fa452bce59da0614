//! Credentials that fail, and wallets that are opened without one, by source.

use reqwest::Method;
use uuid::Uuid;

use super::{assert_limited, service, wire};
use crate::contract::wire::{Reply, Wire};

const KEY: &str = "the-key-of-the-back-end-of-the-shop";

async fn by_forged_token(wire: &Wire, forwarded: &[&str]) -> Reply {
    let headers: Vec<(&str, &str)> =
        forwarded.iter().map(|addresses| ("x-forwarded-for", *addresses)).collect();
    wire.by("Bearer forged").send(Method::GET, "/api/v1/wallet", &headers, vec![]).await
}

async fn init(wire: &Wire, headers: &[(&str, &str)]) -> Reply {
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let headers = [&form[..], headers].concat();
    let body = format!("customer_xid={}", Uuid::new_v4());
    wire.send(Method::POST, "/api/v1/init", &headers, body.into()).await
}

fn unauthorized() -> (u16, String) {
    (401, "unauthorized".to_owned())
}

#[tokio::test]
async fn a_source_whose_tokens_fail_too_often_is_told_so_and_a_right_token_is_let_through() {
    let service = service(1, &[("RATE_LIMIT_FAILURES", "3/h")]).await;
    let wire = wire(&service);
    let customer = wire.enabled().await;
    for _ in 0..5 {
        assert_eq!(wire.get("/wallet").await.code(), unauthorized(), "no token is no failure");
        assert_eq!(wire.by("Basic dTpw").get("/wallet").await.code(), unauthorized());
    }
    for _ in 0..3 {
        assert_eq!(by_forged_token(&wire, &[]).await.code(), unauthorized());
    }
    for _ in 0..3 {
        let limited = by_forged_token(&wire, &[]).await;
        assert_limited(&limited);
        assert_eq!(limited.header("www-authenticate"), "");
    }
    assert_eq!(customer.get("/wallet").await.status, 200);
    assert_eq!(wire.get("/wallet").await.code(), unauthorized());
}

#[tokio::test]
async fn a_source_whose_service_keys_fail_too_often_has_none_compared_any_more() {
    let limits = [("RATE_LIMIT_FAILURES", "3/h"), ("RATE_LIMIT_INITS", "1/h"), ("SERVICE_API_KEY", KEY)];
    let service = service(1, &limits).await;
    let wire = wire(&service);
    for _ in 0..5 {
        assert_eq!(init(&wire, &[]).await.code(), unauthorized(), "no key is no failure");
        assert_eq!(init(&wire, &[("x-api-key", KEY)]).await.status, 201, "with the key there is no limit");
    }
    for wrong in ["x", "the-key-of-the-back-end-of-the-shoq", ""] {
        assert_eq!(init(&wire, &[("x-api-key", wrong)]).await.code(), unauthorized());
    }
    assert_limited(&init(&wire, &[("x-api-key", "x")]).await);
    assert_limited(&init(&wire, &[("x-api-key", KEY)]).await);
}

#[tokio::test]
async fn a_source_that_opens_too_many_wallets_without_a_key_is_stopped() {
    let service = service(1, &[("RATE_LIMIT_INITS", "2/h")]).await;
    let wire = wire(&service);
    for _ in 0..2 {
        assert_eq!(init(&wire, &[]).await.status, 201);
    }
    assert_limited(&init(&wire, &[]).await);
    assert_eq!(service.db.number("select count(*) from customers").await, 2);
}

#[tokio::test]
async fn what_is_forwarded_is_believed_of_trusted_proxies_only() {
    let service = service(2, &[("RATE_LIMIT_FAILURES", "2/h"), ("REDIS_URL", "")]).await;
    let untrusting = wire(&service);
    for address in ["192.0.2.1", "192.0.2.2"] {
        assert_eq!(by_forged_token(&untrusting, &[address]).await.code(), unauthorized());
    }
    assert_limited(&by_forged_token(&untrusting, &["192.0.2.3"]).await);

    let proxies = "10.0.0.0/8, 127.0.0.1";
    let service = self::service(1, &[("RATE_LIMIT_FAILURES", "2/h"), ("TRUSTED_PROXIES", proxies)]).await;
    let wire = wire(&service);
    for forwarded in [&["192.0.2.1"][..], &["192.0.2.9, 192.0.2.1", "10.1.2.3"]] {
        assert_eq!(by_forged_token(&wire, forwarded).await.code(), unauthorized());
    }
    assert_limited(&by_forged_token(&wire, &["10.9.9.9,192.0.2.1,10.1.2.3"]).await);
    assert_eq!(by_forged_token(&wire, &["192.0.2.1, 192.0.2.2"]).await.code(), unauthorized());
    // A subscriber of IPv6 is one source, whatever the end of the address is.
    for end in ["1", "2"] {
        let forwarded = format!("2001:db8:1:2::{end}");
        assert_eq!(by_forged_token(&wire, &[&forwarded]).await.code(), unauthorized());
    }
    assert_limited(&by_forged_token(&wire, &["2001:db8:1:2:ffff::3"]).await);
    assert_eq!(by_forged_token(&wire, &["2001:db8:1:3::1"]).await.code(), unauthorized());
    // The proxy itself is a source of its own.
    assert_eq!(by_forged_token(&wire, &[]).await.code(), unauthorized());
}
