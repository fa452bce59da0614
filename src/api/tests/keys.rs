//! Idempotency keys and dry runs: which key a service gets with an order, and how a stored outcome is shown.

use poem::http::{HeaderValue, Method};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    Answer, TestApi,
    answers::{moved, previewed, refused, replayed, status_changed},
    encodings::{FORM, JSON, MULTIPART, form, multipart},
    request,
    services::Call,
};
use crate::{
    accounts::{AccountError, StatusOrder},
    ledger::{Key, LedgerError, Outcome, Refusal},
    payments::Mode,
};

const DEPOSITS: &str = "/api/v1/wallet/deposits";
const WITHDRAWALS: &str = "/api/v1/wallet/withdrawals";

/// Sends a request with a key.
async fn keyed(
    api: &TestApi,
    method: Method,
    path: &str,
    token: &str,
    key: &str,
    body: (&str, &str),
) -> Answer {
    let request = request(method, path, token).header("idempotency-key", key).content_type(body.0);
    api.send(request.body(body.1.to_owned())).await
}

async fn post(api: &TestApi, path: &str, token: &str, key: &str, body: &str) -> Answer {
    keyed(api, Method::POST, path, token, key, (FORM, body)).await
}

/// The same status and body, marked as replayed.
fn is_replay(answer: &Answer, first: &Answer) {
    assert_eq!((answer.status, &answer.text), (first.status, &first.text));
    assert_eq!(answer.header("wallet-version"), first.header("wallet-version"));
    assert_eq!((first.header("idempotency-replayed"), answer.header("idempotency-replayed")), ("", "true"));
}

/// The keys of the commands since the last time.
fn keys(api: &TestApi) -> Vec<Option<Key>> {
    let key = |call| match call {
        Call::Payment(_, Mode::Book(booking)) | Call::Status(_, _, booking) => booking.key,
        other => panic!("{other:?}"),
    };
    api.services.calls().into_iter().map(key).collect()
}

/// The one key of all commands since the last time.
fn one_key(api: &TestApi) -> Key {
    let keys: Vec<Key> = keys(api).into_iter().map(|key| key.expect("a key")).collect();
    assert!(keys.iter().all(|key| *key == keys[0]), "{keys:?}");
    keys[0].clone()
}

#[tokio::test]
async fn the_same_request_has_the_same_key_and_a_stored_outcome_is_marked() {
    let api = TestApi::new();
    let token = api.customer();
    for (path, name) in [(DEPOSITS, "in"), (WITHDRAWALS, "out")] {
        let body = format!("amount=10&reference_id={}", Uuid::now_v7());
        let outcome = moved(0, 1_010, 2);
        let again = replayed(&outcome);
        let more = again.clone();
        for scripted in [outcome, again, more] {
            api.script(|| Ok(scripted));
        }
        let first = post(&api, path, &token, name, &body).await;
        assert_eq!(first.status, 201);
        is_replay(&post(&api, path, &token, name, &body).await, &first);
        is_replay(&post(&api, path, &token, &format!("\"{name}\""), &body).await, &first);
        let key = one_key(&api);
        assert_eq!((key.name.actor.as_str(), key.name.key.as_str()), (token.as_str(), name));
        assert_eq!(api.post(path, &token, &body).await.status, 201);
        assert_eq!(keys(&api), [None], "without the header");
    }
}

#[tokio::test]
async fn a_refusal_is_replayed_too() {
    let api = TestApi::new();
    let token = api.customer();
    let body = format!("amount=10&reference_id={}", Uuid::now_v7());
    let outcome = refused(Refusal::InsufficientFunds { available: 5, required: 10 });
    let again = replayed(&outcome);
    api.script(|| Ok(outcome));
    let first = post(&api, WITHDRAWALS, &token, "k", &body).await;
    assert_eq!(first.code(), (400, "insufficient_funds".to_owned()));
    api.script(|| Ok(again));
    is_replay(&post(&api, WITHDRAWALS, &token, "k", &body).await, &first);
    let key = one_key(&api);
    assert_eq!(post(&api, WITHDRAWALS, &token, "another", &body).await.status, 201);
    assert_ne!(one_key(&api).name, key.name);
}

#[tokio::test]
async fn a_status_change_is_replayed() {
    let api = TestApi::new();
    let token = api.customer();
    let enable = async |outcome: Outcome| {
        api.script(|| Ok(outcome));
        post(&api, "/api/v1/wallet", &token, "on", "").await
    };
    let disable = async |outcome: Outcome| {
        api.script(|| Ok(outcome));
        keyed(&api, Method::PATCH, "/api/v1/wallet", &token, "off", (JSON, "{\"is_disabled\":true}")).await
    };
    let on = status_changed(&StatusOrder::Enable, 5, 1);
    let off = status_changed(&StatusOrder::Disable, 5, 1);
    let (enabled, again) = (enable(on.clone()).await, enable(replayed(&on)).await);
    assert_eq!(enabled.status, 201);
    is_replay(&again, &enabled);
    let enabling = one_key(&api);
    let (disabled, again) = (disable(off.clone()).await, disable(replayed(&off)).await);
    assert_eq!(disabled.status, 200);
    is_replay(&again, &disabled);
    assert_ne!(one_key(&api), enabling);
    let already = refused(Refusal::AlreadyDisabled);
    let (first, again) = (disable(already.clone()).await, disable(replayed(&already)).await);
    assert_eq!(first.code(), (400, "already_disabled".to_owned()));
    is_replay(&again, &first);
}

#[tokio::test]
async fn a_key_with_another_request_has_another_hash_and_is_refused() {
    let api = TestApi::new();
    let token = api.customer();
    let reference = Uuid::now_v7();
    let body = format!("amount=10&reference_id={reference}");
    assert_eq!(post(&api, DEPOSITS, &token, "k", &body).await.status, 201);
    let first = one_key(&api);
    let is_other = |api: &TestApi, answer: &Answer, shown: &str| {
        let reused = ((422, "idempotency_key_reused".to_owned()), "");
        assert_eq!((answer.code(), answer.header("idempotency-replayed")), reused, "{shown}");
        let key = one_key(api);
        assert_eq!(key.name, first.name, "{shown}");
        assert_ne!(key.request_hash, first.request_hash, "{shown}");
    };
    for (path, other) in [
        (DEPOSITS, format!("amount=11&reference_id={reference}")),
        (DEPOSITS, format!("amount=10&reference_id={}", Uuid::now_v7())),
        (DEPOSITS, format!("{body}&colour=green")),
        (WITHDRAWALS, body.clone()),
        ("/api/v1/wallet", body.clone()),
    ] {
        api.script(|| Ok(refused(Refusal::KeyReused)));
        let answer = post(&api, path, &token, "k", &other).await;
        is_other(&api, &answer, &format!("{path} {other}"));
    }
    api.script(|| Ok(refused(Refusal::KeyReused)));
    let disable = keyed(&api, Method::PATCH, "/api/v1/wallet", &token, "k", (FORM, "is_disabled=true")).await;
    is_other(&api, &disable, "disabling");
    assert_eq!(post(&api, DEPOSITS, &token, "k", &body).await.status, 201);
    assert_eq!(one_key(&api), first);
}

#[tokio::test]
async fn order_and_encoding_of_the_fields_do_not_matter() {
    let api = TestApi::new();
    let token = api.customer();
    let r = Uuid::now_v7().to_string();
    let first = post(&api, DEPOSITS, &token, "k", &format!("amount=10&reference_id={r}")).await;
    assert_eq!(first.status, 201);
    for (kind, body) in [
        (FORM, form(&[("reference_id", &r), ("amount", "10")])),
        (FORM, form(&[("amount", "7"), ("reference_id", &r), ("amount", "10")])),
        (JSON, format!("{{\"amount\":10,\"reference_id\":\"{r}\"}}")),
        (JSON, format!(" {{\"reference_id\":\"{r}\", \"amount\" : 10}}")),
        (MULTIPART, multipart(&[("reference_id", &r), ("amount", "10")])),
    ] {
        assert_eq!(keyed(&api, Method::POST, DEPOSITS, &token, "k", (kind, &body)).await.status, 201);
    }
    one_key(&api);
}

#[tokio::test]
async fn a_key_is_its_callers_own() {
    let api = TestApi::new();
    let body = format!("amount=10&reference_id={}", Uuid::now_v7());
    let (one, other) = (api.customer(), api.customer());
    for token in [&one, &other] {
        let answer = post(&api, DEPOSITS, token, "k", &body).await;
        assert_eq!((answer.status, answer.header("idempotency-replayed")), (201, ""));
    }
    let actors: Vec<_> = keys(&api).into_iter().map(|key| key.expect("a key").name.actor).collect();
    assert_eq!(actors, [one, other]);
}

#[tokio::test]
async fn a_bad_key_is_refused_before_anything_is_done() {
    let api = TestApi::new();
    let token = api.customer();
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
            let answer = api.send(request.finish()).await;
            assert_eq!(answer.code(), (400, "invalid_header".to_owned()), "{key:?} {path}");
        }
    }
    let twice = request(Method::POST, DEPOSITS, &token).header("idempotency-key", "a");
    let twice = api.send(twice.header("idempotency-key", "a").finish()).await;
    assert_eq!(twice.code(), (400, "invalid_header".to_owned()));
    assert!(api.services.calls().is_empty());
    let longest = "k".repeat(255);
    let body = format!("amount=1&reference_id={}", Uuid::now_v7());
    assert_eq!(post(&api, DEPOSITS, &token, &longest, &body).await.status, 201);
}

#[tokio::test]
async fn what_is_not_decided_by_the_ledger_leaves_the_key_free() {
    let api = TestApi::new();
    let token = api.customer();
    let r = Uuid::now_v7();
    assert_eq!(post(&api, DEPOSITS, &token, "k", &format!("amount=0&reference_id={r}")).await.status, 400);
    assert!(api.services.calls().is_empty());
    api.services.script::<Outcome>(|| Err(AccountError::Ledger(LedgerError::Overloaded)));
    let body = format!("amount=1&reference_id={r}");
    assert_eq!(post(&api, DEPOSITS, &token, "k", &body).await.status, 503);
    let answer = post(&api, DEPOSITS, &token, "k", &body).await;
    assert_eq!((answer.status, answer.header("idempotency-replayed")), (201, ""));
    one_key(&api);
}

#[tokio::test]
async fn a_dry_run_says_what_would_happen_and_stores_nothing() {
    let api = TestApi::new();
    let token = api.customer();
    let r = Uuid::now_v7();
    let body = format!("amount=30&reference_id={r}");
    // A dry run has no key at all: there is nowhere to put one.
    let is_dry_run = |api: &TestApi| {
        let orders = api.orders();
        assert!(
            matches!(&orders[..], [(_, Mode::DryRun(actor))] if actor.to_string() == token),
            "{orders:?}"
        );
    };
    for (path, name, balance) in [(DEPOSITS, "deposit", 130), (WITHDRAWALS, "withdrawal", 70)] {
        for _ in 0..2 {
            api.script(move || Ok(previewed(0, balance, 1)));
            let answer = post(&api, &format!("{path}?dry_run=true"), &token, "k", &body).await;
            let shown = &answer.json()["data"][name];
            let seen = [&shown["id"], &shown["amount"], &shown["balance"], &shown["available_balance"]];
            let expected = [Value::Null, json!(30), json!(balance), json!(balance)];
            assert_eq!((answer.status, seen.map(Clone::clone)), (200, expected));
            is_dry_run(&api);
        }
    }
    for (refusal, path, code) in [
        (Refusal::InsufficientFunds { available: 100, required: 101 }, WITHDRAWALS, "insufficient_funds"),
        (Refusal::BalanceLimit, DEPOSITS, "balance_limit"),
    ] {
        api.script(|| Ok(refused(refusal)));
        let answer = post(&api, &format!("{path}?dry_run=true"), &token, "k", &body).await;
        assert_eq!(answer.code(), (400, code.to_owned()));
        is_dry_run(&api);
    }
    let booked = post(&api, &format!("{DEPOSITS}?dry_run=false"), &token, "k", &body).await;
    assert_eq!((booked.status, booked.header("idempotency-replayed")), (201, ""));
    one_key(&api);
    for wrong in ["", "1", "yes", "TRUE"] {
        let answer = api.post(&format!("{DEPOSITS}?dry_run={wrong}"), &token, &body).await;
        assert_eq!(answer.fields(), json!({"dry_run": ["Must be true or false."]}), "{wrong}");
    }
    assert!(api.services.calls().is_empty());
}
