//! The mini-wallet exercise, row by row: what the services are asked, and how their answers are shown.

use poem::http::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    Answer, TestApi,
    answers::{moved, refused, status_changed, view},
    request,
    services::Call,
};
use crate::{
    accounts::{AccountError, StatusOrder},
    kernel::{
        actor::Actor,
        ids::{CustomerXid, OperationId, WalletId},
    },
    ledger::{Deposit, Refusal},
    payments::Payment,
};

const MOMENT: &str = "2027-01-15T08:00:00.123Z";
const LIST: &str = "/api/v1/wallet/transactions";
const DEPOSITS: &str = "/api/v1/wallet/deposits";
const WITHDRAWALS: &str = "/api/v1/wallet/withdrawals";

/// The names in an object, in the order in which they stand.
fn names(object: &Value) -> Vec<&str> {
    object.as_object().unwrap().keys().map(String::as_str).collect()
}

async fn disable(api: &TestApi, token: &str) -> Answer {
    let request =
        request(Method::PATCH, "/api/v1/wallet", token).content_type("application/x-www-form-urlencoded");
    api.send(request.body("is_disabled=true")).await
}

/// The amount and the reference of a deposit or a withdrawal.
fn money(payment: &Payment) -> (&str, i64, String) {
    let (name, amount, reference) = match payment {
        Payment::Deposit(Deposit { amount, reference, .. }) => ("deposit", amount, reference),
        Payment::Withdrawal { amount, reference } => ("withdrawal", amount, reference),
        other => panic!("{other:?}"),
    };
    (name, amount.minor_units(), reference.0.to_string())
}

#[tokio::test]
async fn init_gives_a_token_and_the_same_wallet_again() {
    let api = TestApi::new();
    let xid = Uuid::now_v7();
    let form = format!("customer_xid={xid}");
    let first = api.post("/api/v1/init", "", &form).await;
    assert_eq!(first.status, 201);
    assert_eq!(names(&first.json()["data"]), ["token"]);
    let token = first.json()["data"]["token"].as_str().unwrap().to_owned();
    assert_eq!(api.post("/api/v1/wallet", &token, "").await.status, 201);
    let again = api.post("/api/v1/init", "", &form).await;
    assert_eq!(again.status, 201);
    assert_eq!(api.get("/api/v1/wallet", again.json()["data"]["token"].as_str().unwrap()).await.status, 200);
    let calls = api.services.calls();
    let [Call::Open(one, None), Call::Status(enabled, ..), Call::Open(other, None), Call::View(read, None)] =
        &calls[..]
    else {
        panic!("{calls:?}")
    };
    assert_eq!(
        (*one, *other, *enabled, *read),
        (CustomerXid(xid), CustomerXid(xid), WalletId(xid), WalletId(xid))
    );
}

#[tokio::test]
async fn a_wallet_is_enabled_once() {
    let api = TestApi::new();
    let token = api.customer();
    let answer = api.post("/api/v1/wallet", &token, "").await;
    let expected = json!({
        "id": token, "owned_by": token, "status": "enabled", "enabled_at": MOMENT, "balance": 0,
        "available_balance": 0, "currency": "USD", "version": 0,
    });
    assert_eq!((answer.status, &answer.json()["data"]["wallet"]), (201, &expected));
    assert_eq!(
        names(&answer.json()["data"]["wallet"])[..5],
        ["id", "owned_by", "status", "enabled_at", "balance"]
    );
    assert_eq!(answer.header("wallet-version"), "0");
    let calls = api.services.calls();
    let [Call::Status(wallet, StatusOrder::Enable, booking)] = &calls[..] else { panic!("{calls:?}") };
    let xid = Uuid::try_parse(&token).unwrap();
    assert_eq!(
        (*wallet, &booking.actor, &booking.key),
        (WalletId(xid), &Actor::Customer(CustomerXid(xid)), &None)
    );

    api.script(|| Ok(refused(Refusal::AlreadyEnabled)));
    let again = api.post("/api/v1/wallet", &token, "").await;
    assert_eq!(
        again.json(),
        json!({"status": "fail", "data": {"error": "Already enabled", "code": "already_enabled"}})
    );
    assert_eq!(again.status, 400);
}

#[tokio::test]
async fn a_disabled_wallet_shows_nothing_and_moves_nothing() {
    let api = TestApi::new();
    let token = api.customer();
    let money = format!("amount=1&reference_id={}", Uuid::now_v7());
    let expected = json!({"status": "fail", "data": {"error": "Wallet disabled", "code": "wallet_disabled"}});
    for path in ["/api/v1/wallet", LIST] {
        api.services.script::<()>(|| Err(AccountError::Disabled));
        let answer = api.get(path, &token).await;
        assert_eq!((answer.status, answer.json()), (404, expected.clone()));
    }
    for path in [DEPOSITS, WITHDRAWALS] {
        api.script(|| Ok(refused(Refusal::WalletDisabled)));
        let answer = api.post(path, &token, &money).await;
        assert_eq!((answer.status, answer.json()), (404, expected.clone()));
    }
    api.script(|| Ok(refused(Refusal::AlreadyDisabled)));
    assert_eq!(disable(&api, &token).await.code(), (400, "already_disabled".to_owned()));
}

#[tokio::test]
async fn disabling_keeps_the_balance() {
    let api = TestApi::new();
    let token = api.customer();
    api.script(|| Ok(status_changed(&StatusOrder::Disable, 700, 1)));
    let answer = disable(&api, &token).await;
    let expected = json!({
        "id": token, "owned_by": token, "status": "disabled", "disabled_at": MOMENT, "balance": 700,
        "available_balance": 700, "currency": "USD", "version": 1,
    });
    assert_eq!((answer.status, &answer.json()["data"]["wallet"]), (200, &expected));
    assert_eq!(answer.header("wallet-version"), "1");
    assert!(matches!(api.services.calls()[..], [Call::Status(_, StatusOrder::Disable, _)]));
    api.script(|| Ok(refused(Refusal::AlreadyDisabled)));
    let again = disable(&api, &token).await;
    assert_eq!((again.status, &again.json()["data"]["error"]), (400, &json!("Already disabled")));
    api.script(|| Ok(status_changed(&StatusOrder::Enable, 700, 1)));
    assert_eq!(api.post("/api/v1/wallet", &token, "").await.json()["data"]["wallet"]["balance"], 700);
}

#[tokio::test]
async fn money_comes_in_and_goes_out() {
    let api = TestApi::new();
    let token = api.customer();
    let reference = Uuid::now_v7().to_string();
    api.script(|| Ok(moved(0, 500, 1)));
    let answer = api.post(DEPOSITS, &token, &format!("amount=500&reference_id={reference}")).await;
    let deposit = &answer.json()["data"]["deposit"];
    let expected = json!({
        "id": deposit["id"], "deposited_by": token, "status": "success", "deposited_at": MOMENT, "amount": 500,
        "reference_id": reference, "balance": 500, "available_balance": 500, "currency": "USD", "version": 1,
        "release_at": null,
    });
    assert_eq!((answer.status, deposit), (201, &expected));
    assert!(deposit["id"].is_string());
    assert_eq!(answer.header("wallet-version"), "1");

    api.script(|| Ok(moved(0, 300, 2)));
    let answer = api.post(WITHDRAWALS, &token, &format!("amount=200&reference_id={reference}")).await;
    let withdrawal = &answer.json()["data"]["withdrawal"];
    let expected = json!({
        "id": withdrawal["id"], "withdrawn_by": token, "status": "success", "withdrawn_at": MOMENT, "amount": 200,
        "reference_id": reference, "balance": 300, "available_balance": 300, "currency": "USD", "version": 2,
    });
    assert_eq!((answer.status, withdrawal), (201, &expected));
    assert_eq!(answer.header("wallet-version"), "2");
    let orders = api.orders();
    let wallet = WalletId(Uuid::try_parse(&token).unwrap());
    assert!(orders.iter().all(|(order, _)| order.wallet == wallet));
    let asked: Vec<_> = orders.iter().map(|(order, _)| money(&order.payment)).collect();
    assert_eq!(asked, [("deposit", 500, reference.clone()), ("withdrawal", 200, reference)]);

    api.script(move || Ok(view(wallet.0, 300, 2)));
    let read = api.get("/api/v1/wallet", &token).await;
    assert_eq!(
        (&read.json()["data"]["wallet"]["balance"], read.header("wallet-version")),
        (&json!(300), "2")
    );
}

#[tokio::test]
async fn a_reference_that_was_used_names_its_transaction() {
    let api = TestApi::new();
    let token = api.customer();
    let form = format!("amount=50&reference_id={}", Uuid::now_v7());
    for path in [DEPOSITS, WITHDRAWALS] {
        let transaction_id = OperationId::generate();
        api.script(move || Ok(refused(Refusal::DuplicateReference { transaction_id })));
        let again = api.post(path, &token, &form).await;
        assert_eq!(again.code(), (400, "duplicate_reference".to_owned()));
        assert_eq!(again.json()["data"]["transaction_id"], transaction_id.to_string());
    }
}

#[tokio::test]
async fn a_frozen_wallet_is_seen_but_not_used() {
    let api = TestApi::new();
    let token = api.customer();
    let form = format!("amount=1&reference_id={}", Uuid::now_v7());
    for path in [DEPOSITS, WITHDRAWALS] {
        api.script(|| Ok(refused(Refusal::WalletFrozen)));
        assert_eq!(api.post(path, &token, &form).await.code(), (403, "wallet_frozen".to_owned()));
    }
    let mut frozen = view(Uuid::try_parse(&token).unwrap(), 10, 1);
    frozen.status.frozen = true;
    api.script(move || Ok(frozen));
    assert_eq!(api.get("/api/v1/wallet", &token).await.status, 200);
}

#[tokio::test]
async fn a_balance_has_a_limit() {
    let api = TestApi::new();
    let token = api.customer();
    let form = format!("amount=1&reference_id={}", Uuid::now_v7());
    api.script(|| Ok(refused(Refusal::BalanceLimit)));
    let answer = api.post(DEPOSITS, &token, &form).await;
    assert_eq!(answer.code(), (400, "balance_limit".to_owned()));
    let full = view(Uuid::try_parse(&token).unwrap(), 9_007_199_254_740_991, 1);
    api.script(move || Ok(full));
    assert_eq!(
        api.get("/api/v1/wallet", &token).await.json()["data"]["wallet"]["balance"],
        9_007_199_254_740_991i64
    );
}

#[tokio::test]
async fn a_token_of_another_installation_finds_nothing() {
    let api = TestApi::new();
    let token = api.customer();
    let form = format!("amount=1&reference_id={}&is_disabled=true", Uuid::now_v7());
    for path in ["/api/v1/wallet", LIST] {
        api.services.script::<()>(|| Err(AccountError::NotFound));
        assert_eq!(api.get(path, &token).await.code(), (404, "not_found".to_owned()));
    }
    for path in ["/api/v1/wallet", DEPOSITS, WITHDRAWALS] {
        api.script(|| Ok(refused(Refusal::WalletNotFound)));
        assert_eq!(api.post(path, &token, &form).await.code(), (404, "not_found".to_owned()));
    }
    api.script(|| Ok(refused(Refusal::WalletNotFound)));
    assert_eq!(disable(&api, &token).await.code(), (404, "not_found".to_owned()));
}
