//! What the books refuse, by wallet, and how often a wallet may move money.

use std::time::Duration;

use serde_json::json;
use uuid::Uuid;

use super::{assert_limited, back_end, keyed, refused, service, wire};
use crate::support::wait::until;

const ROWS: &str =
    "(select count(*) from transactions) + (select count(*) from entries) + (select count(*) from keys)";

#[tokio::test]
async fn a_refusal_beyond_the_quota_leaves_no_row_and_what_the_balance_covers_goes_through() {
    let service = service(1, &[("RATE_LIMIT_REFUSALS", "3/h")]).await;
    let (customer, other) = (wire(&service).enabled().await, wire(&service).enabled().await);
    assert_eq!(customer.deposit(100).await.status, 201);
    for _ in 0..3 {
        assert_eq!(refused(&customer).await.code(), (400, "insufficient_funds".to_owned()));
    }
    assert_eq!(service.db.number("select count(*) from transactions where status = 2").await, 3);
    let before = service.db.number(ROWS).await;
    let (reference, nobody) = (Uuid::new_v4().to_string(), Uuid::new_v4().to_string());
    let much = [("amount", "101"), ("reference_id", reference.as_str())];
    let sent = [("amount", "1"), ("reference_id", reference.as_str()), ("recipient", nobody.as_str())];
    for _ in 0..2 {
        assert_limited(&refused(&customer).await);
        assert_limited(&customer.form("/wallet/transfers", &sent).await);
        assert_limited(&keyed(&customer, "/wallet/withdrawals", "w", &much).await);
        assert_limited(&keyed(&customer, "/wallet/transfers", "t", &sent).await);
        assert_limited(&keyed(&customer, "/wallet", "e", &[]).await);
    }
    assert_eq!(service.db.number(ROWS).await, before);
    let covered = [("amount", "100"), ("reference_id", reference.as_str())];
    let booked = keyed(&customer, "/wallet/withdrawals", "w", &covered).await;
    assert_eq!(booked.status, 201, "the refusal has not used key or reference up: {booked:?}");
    assert_eq!(customer.deposit(1).await.status, 201);
    assert_eq!(refused(&other).await.code(), (400, "insufficient_funds".to_owned()));
}

#[tokio::test]
async fn a_known_key_gets_its_first_answer_when_the_quota_is_used_up_and_that_counts_too() {
    let service = service(1, &[("RATE_LIMIT_REFUSALS", "2/h")]).await;
    let customer = wire(&service).enabled().await;
    let reference = Uuid::new_v4().to_string();
    let much = [("amount", "101"), ("reference_id", reference.as_str())];
    let first = keyed(&customer, "/wallet/withdrawals", "w", &much).await;
    assert_eq!(first.code(), (400, "insufficient_funds".to_owned()));
    for _ in 0..3 {
        let again = keyed(&customer, "/wallet/withdrawals", "w", &much).await;
        assert_eq!((again.status, &again.text), (first.status, &first.text));
        assert_eq!(again.header("idempotency-replayed"), "true");
    }
    assert_limited(&refused(&customer).await);
    // The key with another request is a refusal as any other.
    assert_limited(&keyed(&customer, "/wallet/withdrawals", "w", &[("amount", "7"), much[1]]).await);
}

#[tokio::test]
async fn dry_runs_and_back_ends_have_no_limit() {
    let limits = [("RATE_LIMIT_REFUSALS", "1/h"), ("RATE_LIMIT_MOVES", "3/h")];
    let service = service(1, &limits).await;
    let customer = wire(&service).enabled().await;
    let id = customer.get("/wallet").await.json()["data"]["wallet"]["id"].clone();
    let reference = Uuid::new_v4().to_string();
    let much = [("amount", "101"), ("reference_id", reference.as_str())];
    for _ in 0..5 {
        let dry = customer.form("/wallet/withdrawals?dry_run=true", &much).await;
        assert_eq!(dry.code(), (400, "insufficient_funds".to_owned()));
    }
    let shop = back_end(&service);
    for _ in 0..5 {
        let order = json!({"from": id, "to": Uuid::new_v4(), "amount": 1, "reference_id": Uuid::new_v4()});
        let answer = shop.post("/transfers", "application/json", order.to_string()).await;
        assert_eq!(answer.code(), (400, "insufficient_funds".to_owned()));
    }
    assert_eq!(refused(&customer).await.code(), (400, "insufficient_funds".to_owned()));
    assert_limited(&refused(&customer).await);
}

#[tokio::test]
async fn a_wallet_that_moves_money_too_often_is_stopped_before_anything_is_booked() {
    let service = service(1, &[("RATE_LIMIT_MOVES", "2/h")]).await;
    let (customer, other) = (wire(&service).enabled().await, wire(&service).enabled().await);
    for _ in 0..2 {
        assert_eq!(customer.deposit(5).await.status, 201);
    }
    for _ in 0..2 {
        assert_limited(&customer.deposit(5).await);
        assert_limited(&customer.withdraw(1, Uuid::new_v4()).await);
    }
    assert_eq!(service.db.number("select sum(available) from wallets").await, 10);
    assert_eq!(customer.get("/wallet").await.status, 200);
    assert_eq!(other.deposit(5).await.status, 201);
}

#[tokio::test]
async fn after_a_while_refusals_are_stored_again() {
    let service = service(1, &[("RATE_LIMIT_REFUSALS", "2/s")]).await;
    let customer = wire(&service).enabled().await;
    let limited = until("the quota is used up", Duration::from_secs(20), async || {
        let reply = refused(&customer).await;
        (reply.status == 429).then_some(reply)
    });
    let limited = limited.await;
    assert!(["1", "2"].contains(&limited.header("retry-after")), "{limited:?}");
    let stored = "select count(*) from transactions where status = 2";
    let before = service.db.number(stored).await;
    let again = async || (refused(&customer).await.status == 400).then_some(());
    until("a refusal is answered as one", Duration::from_secs(20), again).await;
    assert_eq!(service.db.number(stored).await, before + 1);
}
