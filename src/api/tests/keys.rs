//! Idempotency keys and dry runs.

use poem::http::{HeaderValue, Method};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    Answer, Room,
    encodings::{FORM, JSON, MULTIPART, form, multipart},
    request,
};

const DEPOSITS: &str = "/api/v1/wallet/deposits";
const WITHDRAWALS: &str = "/api/v1/wallet/withdrawals";

/// Sends a request with a key.
async fn keyed(
    room: &Room,
    method: Method,
    path: &str,
    token: &str,
    key: &str,
    body: (&str, &str),
) -> Answer {
    let request = request(method, path, token).header("idempotency-key", key).content_type(body.0);
    room.send(request.body(body.1.to_owned())).await
}

async fn post(room: &Room, path: &str, token: &str, key: &str, body: &str) -> Answer {
    keyed(room, Method::POST, path, token, key, (FORM, body)).await
}

/// The same status and body, marked as replayed.
fn is_replay(answer: &Answer, first: &Answer) {
    assert_eq!((answer.status, &answer.text), (first.status, &first.text));
    assert_eq!(answer.header("wallet-version"), first.header("wallet-version"));
    assert_eq!((first.header("idempotency-replayed"), answer.header("idempotency-replayed")), ("", "true"));
}

#[tokio::test]
async fn the_same_key_gets_the_first_answer_again_and_moves_nothing() {
    let room = Room::new();
    let token = room.customer(1_000).await;
    for (path, key) in [(DEPOSITS, "in"), (WITHDRAWALS, "out")] {
        let body = format!("amount=10&reference_id={}", Uuid::now_v7());
        let first = post(&room, path, &token, key, &body).await;
        assert_eq!(first.status, 201);
        assert_eq!(
            room.post(DEPOSITS, &token, &format!("amount=1&reference_id={}", Uuid::now_v7())).await.status,
            201
        );
        is_replay(&post(&room, path, &token, key, &body).await, &first);
        is_replay(&post(&room, path, &token, &format!("\"{key}\""), &body).await, &first);
        // Without the key it is the reference that counts.
        assert_eq!(room.post(path, &token, &body).await.code(), (400, "duplicate_reference".to_owned()));
    }
    assert_eq!(room.wallets.balances(), 1_002);
}

#[tokio::test]
async fn a_refusal_is_told_again_too() {
    let room = Room::new();
    let token = room.customer(5).await;
    let body = format!("amount=10&reference_id={}", Uuid::now_v7());
    let first = post(&room, WITHDRAWALS, &token, "k", &body).await;
    assert_eq!(first.code(), (400, "insufficient_funds".to_owned()));
    let more = format!("amount=100&reference_id={}", Uuid::now_v7());
    assert_eq!(room.post(DEPOSITS, &token, &more).await.status, 201);
    is_replay(&post(&room, WITHDRAWALS, &token, "k", &body).await, &first);
    assert_eq!(post(&room, WITHDRAWALS, &token, "another", &body).await.status, 201);
}

#[tokio::test]
async fn a_status_change_is_told_again() {
    let room = Room::new();
    let token = room.disabled_customer().await;
    let enable = async |key| post(&room, "/api/v1/wallet", &token, key, "").await;
    let disable = async |key| {
        keyed(&room, Method::PATCH, "/api/v1/wallet", &token, key, (JSON, "{\"is_disabled\":true}")).await
    };
    let (enabled, disabled) = (enable("on").await, disable("off").await);
    assert_eq!((enabled.status, disabled.status), (201, 200));
    is_replay(&enable("on").await, &enabled);
    is_replay(&disable("off").await, &disabled);
    assert_eq!(room.get("/api/v1/wallet", &token).await.code(), (404, "wallet_disabled".to_owned()));
    let again = disable("off-again").await;
    assert_eq!(again.code(), (400, "already_disabled".to_owned()));
    assert_eq!(enable("back-on").await.status, 201);
    is_replay(&disable("off-again").await, &again);
}

#[tokio::test]
async fn a_key_with_another_request_is_refused_and_keeps_its_first_answer() {
    let room = Room::new();
    let token = room.customer(1_000).await;
    let reference = Uuid::now_v7();
    let body = format!("amount=10&reference_id={reference}");
    let first = post(&room, DEPOSITS, &token, "k", &body).await;
    let reused = (422, "idempotency_key_reused".to_owned());
    for (path, other) in [
        (DEPOSITS, format!("amount=11&reference_id={reference}")),
        (DEPOSITS, format!("amount=10&reference_id={}", Uuid::now_v7())),
        (DEPOSITS, format!("{body}&colour=green")),
        (WITHDRAWALS, body.clone()),
        ("/api/v1/wallet", body.clone()),
    ] {
        let answer = post(&room, path, &token, "k", &other).await;
        assert_eq!(
            (answer.code(), answer.header("idempotency-replayed")),
            (reused.clone(), ""),
            "{path} {other}"
        );
    }
    let disable =
        keyed(&room, Method::PATCH, "/api/v1/wallet", &token, "k", (FORM, "is_disabled=true")).await;
    assert_eq!(disable.code(), reused);
    is_replay(&post(&room, DEPOSITS, &token, "k", &body).await, &first);
    assert_eq!(room.wallets.balances(), 1_010);
}

#[tokio::test]
async fn order_and_encoding_of_the_fields_do_not_matter() {
    let room = Room::new();
    let token = room.customer(0).await;
    let r = Uuid::now_v7().to_string();
    let first = post(&room, DEPOSITS, &token, "k", &format!("amount=10&reference_id={r}")).await;
    assert_eq!(first.status, 201);
    for (kind, body) in [
        (FORM, form(&[("reference_id", &r), ("amount", "10")])),
        (FORM, form(&[("amount", "7"), ("reference_id", &r), ("amount", "10")])),
        (JSON, format!("{{\"amount\":10,\"reference_id\":\"{r}\"}}")),
        (JSON, format!(" {{\"reference_id\":\"{r}\", \"amount\" : 10}}")),
        (MULTIPART, multipart(&[("reference_id", &r), ("amount", "10")])),
    ] {
        is_replay(&keyed(&room, Method::POST, DEPOSITS, &token, "k", (kind, &body)).await, &first);
    }
}

#[tokio::test]
async fn a_key_is_its_callers_own() {
    let room = Room::new();
    let (one, other) = (room.customer(0).await, room.customer(0).await);
    let body = format!("amount=10&reference_id={}", Uuid::now_v7());
    for token in [one, other] {
        let answer = post(&room, DEPOSITS, &token, "k", &body).await;
        assert_eq!((answer.status, answer.header("idempotency-replayed")), (201, ""));
    }
}

#[tokio::test]
async fn a_bad_key_is_refused_before_anything_is_done() {
    let room = Room::new();
    let token = room.customer(0).await;
    let long = "k".repeat(256);
    let wrong = ["", "\"\"", "\"", "\"a", "a b", "\"a b\"", "a\tb", long.as_str()];
    let wrong = wrong.map(|text| HeaderValue::from_str(text).unwrap()).into_iter();
    for key in wrong.chain([HeaderValue::from_bytes("kü".as_bytes()).unwrap()]) {
        for (method, path) in [
            (Method::POST, DEPOSITS),
            (Method::POST, WITHDRAWALS),
            (Method::POST, "/api/v1/wallet"),
            (Method::PATCH, "/api/v1/wallet"),
        ] {
            let request = request(method, path, &token).header("idempotency-key", key.clone());
            let answer = room.send(request.finish()).await;
            assert_eq!(answer.code(), (400, "invalid_header".to_owned()), "{key:?} {path}");
        }
    }
    let twice = request(Method::POST, DEPOSITS, &token).header("idempotency-key", "a");
    let twice = room.send(twice.header("idempotency-key", "a").finish()).await;
    assert_eq!(twice.code(), (400, "invalid_header".to_owned()));
    let longest = "k".repeat(255);
    let body = format!("amount=1&reference_id={}", Uuid::now_v7());
    assert_eq!(post(&room, DEPOSITS, &token, &longest, &body).await.status, 201);
}

#[tokio::test]
async fn what_is_not_decided_by_the_ledger_leaves_the_key_free() {
    let room = Room::new();
    let token = room.customer(0).await;
    let r = Uuid::now_v7();
    assert_eq!(post(&room, DEPOSITS, &token, "k", &format!("amount=0&reference_id={r}")).await.status, 400);
    room.trouble(|| crate::accounts::AccountError::Ledger(crate::ledger::LedgerError::Overloaded));
    let body = format!("amount=1&reference_id={r}");
    assert_eq!(post(&room, DEPOSITS, &token, "k", &body).await.status, 503);
    let answer = post(&room, DEPOSITS, &token, "k", &body).await;
    assert_eq!((answer.status, answer.header("idempotency-replayed")), (201, ""));
}

#[tokio::test]
async fn a_dry_run_says_what_would_happen_and_stores_nothing() {
    let room = Room::new();
    let token = room.customer(100).await;
    let r = Uuid::now_v7();
    let body = format!("amount=30&reference_id={r}");
    for (path, name, balance) in [(DEPOSITS, "deposit", 130), (WITHDRAWALS, "withdrawal", 70)] {
        for _ in 0..2 {
            let answer = post(&room, &format!("{path}?dry_run=true"), &token, "k", &body).await;
            let shown = &answer.json()["data"][name];
            let told = [&shown["id"], &shown["amount"], &shown["balance"], &shown["available_balance"]];
            let expected = [Value::Null, json!(30), json!(balance), json!(balance)];
            assert_eq!((answer.status, told.map(Clone::clone)), (200, expected));
        }
    }
    let short = format!("amount=101&reference_id={r}");
    let answer = room.post(&format!("{WITHDRAWALS}?dry_run=true"), &token, &short).await;
    assert_eq!(answer.code(), (400, "insufficient_funds".to_owned()));
    let list = room.get("/api/v1/wallet/transactions", &token).await.json();
    assert_eq!(list["data"]["transactions"].as_array().unwrap().len(), 1, "not even the refusal is kept");

    let booked = post(&room, &format!("{DEPOSITS}?dry_run=false"), &token, "k", &body).await;
    assert_eq!((booked.status, booked.header("idempotency-replayed")), (201, ""), "the key is free");
    let known = post(&room, &format!("{DEPOSITS}?dry_run=true"), &token, "k", &body).await;
    assert_eq!(known.code(), (400, "duplicate_reference".to_owned()), "a dry run ignores the key");
    for wrong in ["", "1", "yes", "TRUE"] {
        let answer = room.post(&format!("{DEPOSITS}?dry_run={wrong}"), &token, &body).await;
        assert_eq!(answer.fields(), json!({"dry_run": ["Must be true or false."]}), "{wrong}");
    }
}
