//! Transfers between wallets.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    Answer, TestApi,
    answers::{line, moved, previewed, refused, replayed, view},
    services::Call,
};
use crate::{
    accounts::{AccountError, Versioned},
    cache::StatusView,
    kernel::{
        ids::OperationId,
        pagination::{Cursor, Page},
    },
    ledger::{Kind, Refusal, entry::TransactionStatus::Completed},
    payments::{self, Mode, Order, Payment},
};

const TRANSFERS: &str = "/api/v1/wallet/transfers";

fn form(recipient: &str, amount: i64) -> String {
    format!("recipient={recipient}&amount={amount}&reference_id={}", Uuid::now_v7())
}

async fn send(api: &TestApi, token: &str, recipient: &str, amount: i64) -> Answer {
    api.post(TRANSFERS, token, &form(recipient, amount)).await
}

fn id(token: &str) -> Uuid {
    Uuid::try_parse(token).unwrap()
}

/// The sender's wallet and the transfer of the one order since the last time.
fn ordered(api: &TestApi) -> (Uuid, payments::Transfer) {
    let mut orders = api.orders();
    assert_eq!(orders.len(), 1, "{orders:?}");
    match orders.remove(0) {
        (Order { wallet, payment: Payment::Transfer(transfer) }, Mode::Book(_)) => (wallet.0, transfer),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_order_names_the_recipient_and_the_answer_has_amount_and_fee() {
    let api = TestApi::new();
    let (sender, receiver) = (api.customer(), api.customer());
    let reference = Uuid::now_v7().to_string();
    let body = format!("recipient={receiver}&amount=1000&reference_id={reference}&note=Lunch+%26+tea");
    api.script(|| Ok(moved(15, 8_985, 2)));
    let answer = api.post(TRANSFERS, &sender, &body).await;
    let transfer = &answer.json()["data"]["transfer"];
    let expected = json!({
        "id": transfer["id"], "from": sender, "to": receiver, "amount": 1000, "fee": 15, "note": "Lunch & tea",
        "transferred_at": "2027-01-15T08:00:00.123Z", "reference_id": reference, "balance": 8985,
        "available_balance": 8985, "currency": "USD", "version": 2,
    });
    assert_eq!((answer.status, transfer), (201, &expected));
    assert!(transfer["id"].is_string());
    assert_eq!(answer.header("wallet-version"), "2");
    let (wallet, order) = ordered(&api);
    assert_eq!((wallet, order.to), (id(&sender), id(&receiver)));
    assert_eq!((order.amount.minor_units(), order.reference.0.to_string()), (1_000, reference));
    assert_eq!(order.note.as_deref(), Some("Lunch & tea"));
}

/// The receiver sees neither the sender's reference nor anything else that is the sender's own.
#[tokio::test]
async fn each_side_lists_a_transfer_as_its_own() {
    let api = TestApi::new();
    let token = api.customer();
    let lines = [Kind::TransferOut, Kind::TransferIn].map(|kind| line(kind, Completed, 1_000, 1));
    let ids = lines.clone().map(|line| line.id.to_string());
    let reference = lines[0].reference.unwrap().to_string();
    api.script(|| Ok(Versioned { value: Page { items: lines.into(), next: None::<Cursor> }, version: 1 }));
    let list = api.get("/api/v1/wallet/transactions?limit=2", &token).await.json();
    let [out, into] = [0, 1].map(|at| list["data"]["transactions"][at].clone());
    assert_eq!(
        (&out["type"], &out["amount"], &out["reference_id"]),
        (&json!("transfer_out"), &json!(1000), &json!(reference))
    );
    assert_eq!(
        (&into["type"], &into["amount"], &into["reference_id"]),
        (&json!("transfer_in"), &json!(1000), &Value::Null)
    );
    assert_eq!([&out["id"], &into["id"]], [&json!(ids[0]), &json!(ids[1])]);
}

#[tokio::test]
async fn every_refusal_of_a_transfer_has_its_code() {
    let api = TestApi::new();
    let (sender, recipient) = (api.customer(), api.customer());
    let transaction_id = OperationId::generate();
    for (refusal, code) in [
        (Refusal::SelfTransfer, (400, "self_transfer")),
        (Refusal::RecipientUnavailable, (404, "recipient_unavailable")),
        (Refusal::CurrencyMismatch, (400, "currency_mismatch")),
        (Refusal::InsufficientFunds { available: 1_015, required: 1_016 }, (400, "insufficient_funds")),
        (Refusal::WalletDisabled, (404, "wallet_disabled")),
        (Refusal::WalletFrozen, (403, "wallet_frozen")),
        (Refusal::DuplicateReference { transaction_id }, (400, "duplicate_reference")),
    ] {
        api.script(|| Ok(refused(refusal)));
        let answer = send(&api, &sender, &recipient, 1).await;
        assert_eq!(answer.code(), (code.0, code.1.to_owned()));
    }
    api.script(|| Ok(refused(Refusal::RecipientUnavailable)));
    let one = json!({"status": "fail", "data": {"error": "The recipient is unavailable", "code": "recipient_unavailable"}});
    assert_eq!(send(&api, &sender, &recipient, 1).await.json(), one);
}

#[tokio::test]
async fn wrong_fields_of_a_transfer_are_answered_all_at_once() {
    let api = TestApi::new();
    let token = api.customer();
    let missing = json!(["Missing data for required field."]);
    let all = json!({"recipient": missing, "amount": missing, "reference_id": missing});
    assert_eq!(api.post(TRANSFERS, &token, "").await.fields(), all);
    let note = "ü".repeat(141);
    let body = format!("recipient=me&amount=0&reference_id=x&note={note}");
    let uuid = json!(["Not a valid UUID."]);
    let all = json!({
        "recipient": uuid, "amount": ["Must be an integer from 1 to 9007199254740991."], "reference_id": uuid,
        "note": ["Must be a text of at most 140 characters."],
    });
    assert_eq!(api.post(TRANSFERS, &token, &body).await.fields(), all);
    assert!(api.services.calls().is_empty());
    let other = api.customer();
    let long = format!("{}&note={}", form(&other, 1), "ü".repeat(140));
    assert_eq!(api.post(TRANSFERS, &token, &long).await.status, 201);
}

#[tokio::test]
async fn a_transfer_can_be_previewed_and_repeated_with_its_key() {
    let api = TestApi::new();
    let (sender, receiver) = (api.customer(), api.customer());
    let body = form(&receiver, 2_000);
    api.script(|| Ok(previewed(30, 7_970, 1)));
    let dry = api.post(&format!("{TRANSFERS}?dry_run=true"), &sender, &body).await;
    let shown = &dry.json()["data"]["transfer"];
    assert_eq!(
        (dry.status, &shown["id"], &shown["fee"], &shown["balance"]),
        (200, &Value::Null, &json!(30), &json!(7_970))
    );
    assert!(matches!(api.orders()[..], [(_, Mode::DryRun(_))]));
    let keyed = || {
        let request = super::request(poem::http::Method::POST, TRANSFERS, &sender);
        let request = request.content_type("application/x-www-form-urlencoded");
        api.send(request.header("idempotency-key", "k").body(body.clone()))
    };
    let outcome = moved(30, 7_970, 2);
    let again = replayed(&outcome);
    api.script(|| Ok(outcome));
    let first = keyed().await;
    api.script(|| Ok(again));
    let again = keyed().await;
    assert_eq!((first.status, again.status, &again.text), (201, 201, &first.text));
    assert_eq!(again.header("idempotency-replayed"), "true");
    let orders = api.orders();
    let [(_, Mode::Book(one)), (_, Mode::Book(other))] = &orders[..] else { panic!("{orders:?}") };
    assert!(one.key.is_some() && one.key == other.key);
}

#[tokio::test]
async fn a_service_opens_and_reads_wallets_and_no_customer_does() {
    let api = TestApi::new();
    let customer = api.customer();
    let path = "/api/v1/wallets";
    let xid = Uuid::now_v7();
    let body = format!("customer_xid={xid}&currency=EUR");
    for token in ["", "x", &customer] {
        let code = if token == customer { (403, "insufficient_scope") } else { (401, "unauthorized") };
        let code = (code.0, code.1.to_owned());
        assert_eq!(api.post(path, token, &body).await.code(), code);
        assert_eq!(api.get(&format!("{path}/{customer}"), token).await.code(), code);
    }
    assert!(api.services.calls().is_empty());
    let mut new = view(xid, 0, 0);
    new.currency = "EUR".parse().unwrap();
    new.status = StatusView { enabled: false, enabled_at: None, ..new.status };
    api.script(move || Ok(new));
    let opened = api.post(path, "service:shop", &body).await;
    let expected = json!({
        "id": xid, "owned_by": xid, "status": "disabled", "frozen": false, "enabled_at": null, "disabled_at": null,
        "balance": 0, "available_balance": 0, "currency": "EUR", "version": 0,
    });
    assert_eq!((opened.status, &opened.json()["data"]["wallet"]), (201, &expected));
    let calls = api.services.calls();
    let [Call::Open(owner, currency)] = &calls[..] else { panic!("{calls:?}") };
    assert_eq!((owner.0, currency.map(|currency| currency.to_string())), (xid, Some("EUR".to_owned())));
    let wrong = api.post(path, "service:shop", "customer_xid=me&currency=euro").await;
    let all = json!({"customer_xid": ["Not a valid UUID."], "currency": ["Must be the code of a currency (ISO 4217)."]});
    assert_eq!(wrong.fields(), all);

    let held = view(id(&customer), 70, 1);
    api.script(move || Ok(held));
    let read = api.get(&format!("{path}/{customer}"), "service:shop").await;
    let wallet = &read.json()["data"]["wallet"];
    assert_eq!((read.status, &wallet["status"], &wallet["balance"]), (200, &json!("enabled"), &json!(70)));
    assert_eq!(read.header("wallet-version"), "1");
    api.services.calls();
    for unknown in ["me", "%20", "00000000000000000000000000000000"] {
        let answer = api.get(&format!("{path}/{unknown}"), "service:shop").await;
        assert_eq!(answer.code(), (404, "not_found".to_owned()), "{unknown}");
    }
    assert!(api.services.calls().is_empty());
    api.services.script::<()>(|| Err(AccountError::NotFound));
    let answer = api.get(&format!("{path}/{}", Uuid::now_v7()), "service:shop").await;
    assert_eq!(answer.code(), (404, "not_found".to_owned()));
}

#[tokio::test]
async fn a_service_moves_money_between_any_two_wallets_and_no_customer_does() {
    let api = TestApi::new();
    let (sender, receiver) = (api.customer(), api.customer());
    let body = format!("from={sender}&to={receiver}&amount=1000&reference_id={}", Uuid::now_v7());
    let path = "/api/v1/transfers";
    assert_eq!(api.post(path, &sender, &body).await.code(), (403, "insufficient_scope".to_owned()));
    assert!(api.services.calls().is_empty());
    api.script(|| Ok(moved(15, 0, 2)));
    let answer = api.post(path, "service:shop", &body).await;
    let transfer = &answer.json()["data"]["transfer"];
    let seen = [&transfer["from"], &transfer["to"], &transfer["fee"], &transfer["balance"]].map(Clone::clone);
    assert_eq!((answer.status, seen), (201, [json!(sender), json!(receiver), json!(15), json!(0)]));
    let (wallet, order) = ordered(&api);
    assert_eq!((wallet, order.to), (id(&sender), id(&receiver)));
    api.script(|| Ok(refused(Refusal::WalletNotFound)));
    assert_eq!(api.post(path, "service:shop", &body).await.code(), (404, "not_found".to_owned()));
    // A service has no wallet of its own.
    assert_eq!(send(&api, "service:shop", &receiver, 1).await.code(), (403, "insufficient_scope".to_owned()));
}
