//! Transfers between wallets.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{Answer, Room};
use crate::kernel::ids::WalletId;

const TRANSFERS: &str = "/api/v1/wallet/transfers";

fn form(recipient: &str, amount: i64) -> String {
    format!("recipient={recipient}&amount={amount}&reference_id={}", Uuid::now_v7())
}

async fn send(room: &Room, token: &str, recipient: &str, amount: i64) -> Answer {
    room.post(TRANSFERS, token, &form(recipient, amount)).await
}

fn wallet(token: &str) -> WalletId {
    WalletId(Uuid::try_parse(token).unwrap())
}

#[tokio::test]
async fn the_sender_pays_amount_and_fee_and_the_receiver_gets_the_amount() {
    let room = Room::new();
    let (sender, receiver) = (room.customer(10_000).await, room.customer(0).await);
    let reference = Uuid::now_v7().to_string();
    let body = format!("recipient={receiver}&amount=1000&reference_id={reference}&note=Lunch+%26+tea");
    let answer = room.post(TRANSFERS, &sender, &body).await;
    let transfer = &answer.json()["data"]["transfer"];
    let expected = json!({
        "id": transfer["id"], "from": sender, "to": receiver, "amount": 1000, "fee": 15, "note": "Lunch & tea",
        "transferred_at": "2027-01-15T08:00:00.123Z", "reference_id": reference, "balance": 8985,
        "available_balance": 8985, "currency": "USD", "version": 2,
    });
    assert_eq!((answer.status, transfer), (201, &expected));
    assert_eq!(answer.header("wallet-version"), "2");
    assert_eq!(room.get("/api/v1/wallet", &receiver).await.json()["data"]["wallet"]["balance"], 1_000);

    let line = |token| {
        let room = &room;
        async move {
            room.get("/api/v1/wallet/transactions?limit=1", token).await.json()["data"]["transactions"][0]
                .clone()
        }
    };
    let (out, into) = (line(&sender).await, line(&receiver).await);
    assert_eq!(
        (&out["type"], &out["amount"], &out["reference_id"]),
        (&json!("transfer_out"), &json!(1000), &json!(reference))
    );
    assert_eq!(
        (&into["type"], &into["amount"], &into["reference_id"]),
        (&json!("transfer_in"), &json!(1000), &Value::Null)
    );
    assert_eq!(out["id"], into["id"]);
}

#[tokio::test]
async fn every_refusal_of_a_transfer_has_its_code_and_moves_nothing() {
    let room = Room::new();
    let sender = room.customer(1_015).await;
    let (open, disabled) = (room.customer(0).await, room.disabled_customer().await);
    let (frozen, full, euro) = (room.customer(0).await, room.customer(0).await, room.customer(0).await);
    room.wallets.freeze(wallet(&frozen));
    let max = crate::kernel::money::MAX_MINOR_UNITS;
    room.wallets.meddle(wallet(&full), |state| state.buckets.available = max);
    room.wallets.meddle(wallet(&euro), |state| state.currency = "EUR".parse().unwrap());
    let before = room.wallets.balances();
    let nobody = Uuid::now_v7().to_string();
    for (recipient, amount, code) in [
        (&sender, 1, (400, "self_transfer")),
        (&nobody, 1, (404, "recipient_unavailable")),
        (&disabled, 1, (404, "recipient_unavailable")),
        (&frozen, 1, (404, "recipient_unavailable")),
        (&full, 1, (404, "recipient_unavailable")),
        (&euro, 1, (400, "currency_mismatch")),
        (&open, 1_001, (400, "insufficient_funds")),
    ] {
        let answer = send(&room, &sender, recipient, amount).await;
        assert_eq!(answer.code(), (code.0, code.1.to_owned()), "{recipient}");
    }
    assert_eq!(send(&room, &disabled, &open, 1).await.code(), (404, "wallet_disabled".to_owned()));
    assert_eq!(send(&room, &frozen, &open, 1).await.code(), (403, "wallet_frozen".to_owned()));
    assert_eq!(room.wallets.balances(), before);
    let unavailable = [&nobody, &disabled, &frozen, &full];
    for recipient in unavailable {
        let one = json!({"status": "fail", "data": {"error": "The recipient is unavailable", "code": "recipient_unavailable"}});
        assert_eq!(send(&room, &sender, recipient, 1).await.json(), one);
    }
    let list = room.get("/api/v1/wallet/transactions", &sender).await.json();
    assert_eq!(list["data"]["transactions"].as_array().unwrap().len(), 1, "no refused transfer is listed");

    let exactly = form(&open, 1_000);
    assert_eq!(room.post(TRANSFERS, &sender, &exactly).await.status, 201);
    assert_eq!(room.post(TRANSFERS, &sender, &exactly).await.code(), (400, "duplicate_reference".to_owned()));
}

#[tokio::test]
async fn wrong_fields_of_a_transfer_are_told_of_all_at_once() {
    let room = Room::new();
    let token = room.customer(10).await;
    let missing = json!(["Missing data for required field."]);
    let all = json!({"recipient": missing, "amount": missing, "reference_id": missing});
    assert_eq!(room.post(TRANSFERS, &token, "").await.fields(), all);
    let note = "ü".repeat(141);
    let body = format!("recipient=me&amount=0&reference_id=x&note={note}");
    let uuid = json!(["Not a valid UUID."]);
    let all = json!({
        "recipient": uuid, "amount": ["Must be an integer from 1 to 9007199254740991."], "reference_id": uuid,
        "note": ["Must be a text of at most 140 characters."],
    });
    assert_eq!(room.post(TRANSFERS, &token, &body).await.fields(), all);
    let other = room.customer(0).await;
    let long = format!("{}&note={}", form(&other, 1), "ü".repeat(140));
    assert_eq!(room.post(TRANSFERS, &token, &long).await.status, 201);
}

#[tokio::test]
async fn a_transfer_can_be_rehearsed_and_repeated_with_its_key() {
    let room = Room::new();
    let (sender, receiver) = (room.customer(10_000).await, room.customer(0).await);
    let body = form(&receiver, 2_000);
    let dry = room.post(&format!("{TRANSFERS}?dry_run=true"), &sender, &body).await;
    let shown = &dry.json()["data"]["transfer"];
    assert_eq!(
        (dry.status, &shown["id"], &shown["fee"], &shown["balance"]),
        (200, &Value::Null, &json!(30), &json!(7_970))
    );
    assert_eq!(room.wallets.balances(), 10_000);
    let keyed = || {
        let request = super::request(poem::http::Method::POST, TRANSFERS, &sender);
        let request = request.content_type("application/x-www-form-urlencoded");
        room.send(request.header("idempotency-key", "k").body(body.clone()))
    };
    let first = keyed().await;
    room.wallets.meddle(wallet(&receiver), |state| state.status = crate::ledger::Status::Disabled);
    let again = keyed().await;
    assert_eq!((first.status, again.status, &again.text), (201, 201, &first.text));
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(room.wallets.balances(), 9_970);
}

#[tokio::test]
async fn a_back_end_opens_and_reads_wallets_and_nobody_else_does() {
    let room = Room::new();
    let customer = room.customer(70).await;
    let path = "/api/v1/wallets";
    let xid = Uuid::now_v7().to_string();
    let body = format!("customer_xid={xid}&currency=EUR");
    for token in ["", "x", &customer] {
        let code = if token == customer { (403, "insufficient_scope") } else { (401, "unauthorized") };
        let code = (code.0, code.1.to_owned());
        assert_eq!(room.post(path, token, &body).await.code(), code);
        assert_eq!(room.get(&format!("{path}/{customer}"), token).await.code(), code);
    }
    let opened = room.post(path, "service:shop", &body).await;
    let expected = json!({
        "id": xid, "owned_by": xid, "status": "disabled", "frozen": false, "enabled_at": null, "disabled_at": null,
        "balance": 0, "available_balance": 0, "currency": "EUR", "version": 0,
    });
    assert_eq!((opened.status, &opened.json()["data"]["wallet"]), (201, &expected));
    assert_eq!(room.post(path, "service:shop", &body).await.text, opened.text);
    let wrong = room.post(path, "service:shop", "customer_xid=me&currency=euro").await;
    let all = json!({"customer_xid": ["Not a valid UUID."], "currency": ["Must be the code of a currency (ISO 4217)."]});
    assert_eq!(wrong.fields(), all);

    let read = room.get(&format!("{path}/{customer}"), "service:shop").await;
    let wallet = &read.json()["data"]["wallet"];
    assert_eq!((read.status, &wallet["status"], &wallet["balance"]), (200, &json!("enabled"), &json!(70)));
    assert_eq!(read.header("wallet-version"), "1");
    for nobody in [&Uuid::now_v7().to_string(), "me", "%20", "00000000000000000000000000000000"] {
        let answer = room.get(&format!("{path}/{nobody}"), "service:shop").await;
        assert_eq!(answer.code(), (404, "not_found".to_owned()), "{nobody}");
    }
}

#[tokio::test]
async fn a_back_end_moves_money_between_any_two_wallets_and_nobody_else_does() {
    let room = Room::new();
    let (sender, receiver) = (room.customer(1_015).await, room.customer(0).await);
    let body = format!("from={sender}&to={receiver}&amount=1000&reference_id={}", Uuid::now_v7());
    let path = "/api/v1/transfers";
    assert_eq!(room.post(path, &sender, &body).await.code(), (403, "insufficient_scope".to_owned()));
    let answer = room.post(path, "service:shop", &body).await;
    let transfer = &answer.json()["data"]["transfer"];
    let told = [&transfer["from"], &transfer["to"], &transfer["fee"], &transfer["balance"]].map(Clone::clone);
    assert_eq!((answer.status, told), (201, [json!(sender), json!(receiver), json!(15), json!(0)]));
    let nobody = format!("from={}&to={receiver}&amount=1&reference_id={}", Uuid::now_v7(), Uuid::now_v7());
    assert_eq!(room.post(path, "service:shop", &nobody).await.code(), (404, "not_found".to_owned()));
    // A back end has no wallet of its own.
    assert_eq!(
        send(&room, "service:shop", &receiver, 1).await.code(),
        (403, "insufficient_scope".to_owned())
    );
}
