//! The exercise's endpoints, row by row, in each encoding.

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    encodings::{ENCODINGS, Encoding},
    wire::{Reply, Wire, age_of, assert_own_id, names},
};
use crate::support::app::TestApp;

const WALLET: [&str; 5] = ["id", "owned_by", "status", "enabled_at", "balance"];
const MORE: [&str; 3] = ["available_balance", "currency", "version"];
/// What a read of the wallet has beside those.
const WAITING: [&str; 2] = ["unreleased", "next_release_at"];

/// A fail with a sentence, to the last letter.
fn assert_fail(reply: &Reply, status: u16, sentence: &str, code: &str) {
    reply.assert_jsend();
    let expected = json!({"status": "fail", "data": {"error": sentence, "code": code}});
    assert_eq!((reply.status, reply.json()), (status, expected));
}

/// Holds the wallet of an answer to the exercise, and gives it back.
fn wallet(reply: &Reply, status: u16, word: &str, xid: Uuid, balance: i64) -> Value {
    reply.assert_jsend();
    assert_eq!(reply.status, status, "{reply:?}");
    let body = reply.json();
    let wallet = &body["data"]["wallet"];
    assert_eq!(names(&body["data"]), ["wallet"]);
    let moment = format!("{word}_at");
    let expected = WALLET.map(|name| if name == "enabled_at" { &moment } else { name });
    let (shown, more) = (names(wallet)[..5].to_vec(), names(wallet)[5..].to_vec());
    assert_eq!(shown, expected);
    assert!(more == MORE || more == [&MORE[..], &WAITING[..]].concat(), "{more:?}");
    assert_own_id(&wallet["id"]);
    assert_eq!(
        (&wallet["owned_by"], &wallet["status"], &wallet["balance"]),
        (&json!(xid), &json!(word), &json!(balance))
    );
    assert_eq!((&wallet["available_balance"], &wallet["currency"]), (&json!(balance), &json!("USD")));
    assert!(age_of(&wallet[&moment]) < chrono::TimeDelta::minutes(1));
    assert_eq!(reply.header("wallet-version"), wallet["version"].to_string());
    let mut wallet = wallet.clone();
    if let Some(members) = wallet.as_object_mut() {
        members.retain(|name, _| !WAITING.contains(&name.as_str()));
    }
    wallet
}

/// Holds a deposit or a withdrawal to the exercise, and gives back its id.
fn money(reply: &Reply, noun: &str, verb: &str, of: (Uuid, i64, Uuid), balance: i64, version: i64) -> Value {
    let (xid, amount, reference) = of;
    reply.assert_jsend();
    assert_eq!(reply.status, 201, "{reply:?}");
    let body = reply.json();
    let moved = &body["data"][noun];
    assert_eq!(names(&body["data"]), [noun]);
    let (by, at) = (format!("{verb}_by"), format!("{verb}_at"));
    let expected = [
        "id",
        &by,
        "status",
        &at,
        "amount",
        "reference_id",
        "balance",
        "available_balance",
        "currency",
        "version",
    ];
    let waits = moved.get("release_at").is_some();
    let expected: Vec<&str> = expected.into_iter().chain(waits.then_some("release_at")).collect();
    assert_eq!(names(moved), expected);
    let mut expected = json!({
        "id": moved["id"], &by: xid, "status": "success", &at: moved[&at], "amount": amount, "reference_id": reference,
        "balance": balance, "available_balance": balance, "currency": "USD", "version": version,
    });
    if noun == "deposit" {
        expected["release_at"] = Value::Null;
    }
    assert_eq!(moved, &expected);
    assert_own_id(&moved["id"]);
    assert!(age_of(&moved[&at]) < chrono::TimeDelta::minutes(1));
    assert_eq!(reply.header("wallet-version"), version.to_string());
    moved["id"].clone()
}

async fn init(wire: &Wire, encoding: Encoding, xid: Uuid) -> String {
    let reply = encoding.send(wire, Method::POST, "/init", &[("customer_xid", json!(xid))]).await;
    reply.assert_jsend();
    assert_eq!((reply.status, names(&reply.json()["data"])), (201, vec!["token"]), "{reply:?}");
    reply.json()["data"]["token"].as_str().expect("a token").to_owned()
}

#[tokio::test]
async fn a_wallet_lives_as_the_exercise_says_in_every_encoding() {
    let app = TestApp::start().await;
    let wire = Wire::to(&app.base);
    for (encoding, scheme) in ENCODINGS.into_iter().zip(["Token", "Bearer", "Token"]) {
        let xid = Uuid::new_v4();
        let customer = wire.by(format!("{scheme} {}", init(&wire, encoding, xid).await));

        assert_fail(&customer.disable().await, 400, "Already disabled", "already_disabled");
        let enabled = encoding.send(&customer, Method::POST, "/wallet", &[]).await;
        let enabled = wallet(&enabled, 201, "enabled", xid, 0);
        assert_eq!(wallet(&customer.get("/wallet").await, 200, "enabled", xid, 0), enabled);
        let again = encoding.send(&customer, Method::POST, "/wallet", &[]).await;
        assert_fail(&again, 400, "Already enabled", "already_enabled");

        let reference = Uuid::new_v4();
        let fields = |amount: i64| [("amount", json!(amount)), ("reference_id", json!(reference))];
        let deposits = "/wallet/deposits";
        let deposited = encoding.send(&customer, Method::POST, deposits, &fields(500)).await;
        let first = money(&deposited, "deposit", "deposited", (xid, 500, reference), 500, 1);
        let again = encoding.send(&customer, Method::POST, deposits, &fields(7)).await;
        let expected = json!({"error": "The reference_id was used before", "code": "duplicate_reference",
                              "transaction_id": first});
        assert_eq!((again.status, &again.json()["data"]), (400, &expected), "{encoding:?}");

        // A deposit and a withdrawal may share a reference.
        let withdrawals = "/wallet/withdrawals";
        let refused = encoding.send(&customer, Method::POST, withdrawals, &fields(501)).await;
        assert_fail(&refused, 400, "Insufficient funds", "insufficient_funds");
        let withdrawn = encoding.send(&customer, Method::POST, withdrawals, &fields(200)).await;
        let second = money(&withdrawn, "withdrawal", "withdrawn", (xid, 200, reference), 300, 3);
        let again = encoding.send(&customer, Method::POST, withdrawals, &fields(200)).await;
        assert_eq!(
            (again.code().1.as_str(), &again.json()["data"]["transaction_id"]),
            ("duplicate_reference", &second)
        );

        let disabled = [("is_disabled", json!(true))];
        let reply = encoding.send(&customer, Method::PATCH, "/wallet", &disabled).await;
        let disabled = wallet(&reply, 200, "disabled", xid, 300);
        assert_eq!(disabled["id"], enabled["id"]);
        let again = wallet(&customer.post("/wallet", "", "").await, 201, "enabled", xid, 300);
        assert_ne!(again["enabled_at"], enabled["enabled_at"], "{encoding:?}");
    }
}

#[tokio::test]
async fn what_is_missing_is_named_in_every_encoding() {
    let app = TestApp::start_alone().await;
    let (wire, customer) = (Wire::to(&app.base), Wire::to(&app.base).enabled().await);
    let missing = json!(["Missing data for required field."]);
    for encoding in ENCODINGS {
        let nothing = encoding.send(&wire, Method::POST, "/init", &[]).await;
        assert_eq!(
            (nothing.code().0, nothing.error()),
            (400, json!({"customer_xid": missing})),
            "{encoding:?}"
        );
        for path in ["/wallet/deposits", "/wallet/withdrawals"] {
            let nothing = encoding.send(&customer, Method::POST, path, &[]).await;
            let both = json!({"amount": missing, "reference_id": missing});
            assert_eq!((nothing.code().0, nothing.error()), (400, both), "{encoding:?}");
            let half = encoding.send(&customer, Method::POST, path, &[("amount", json!(5))]).await;
            assert_eq!(half.error(), json!({"reference_id": missing}), "{encoding:?}");
        }
        let nothing = encoding.send(&customer, Method::PATCH, "/wallet", &[]).await;
        assert_eq!(
            (nothing.code().0, nothing.error()),
            (400, json!({"is_disabled": missing})),
            "{encoding:?}"
        );
        let not_true =
            encoding.send(&customer, Method::PATCH, "/wallet", &[("is_disabled", json!(false))]).await;
        assert_eq!((not_true.code().0, not_true.error()), (400, json!({"is_disabled": ["Must be true."]})));
    }
    assert_eq!(customer.get("/wallet").await.status, 200, "nothing has disabled it");
}

#[tokio::test]
async fn init_again_gives_a_token_for_the_same_wallet() {
    let app = TestApp::start().await;
    let (wire, xid) = (Wire::to(&app.base), Uuid::new_v4());
    let first = wire.customer_named(xid).await;
    let enabled = wallet(&first.post("/wallet", "", "").await, 201, "enabled", xid, 0);
    assert_eq!(first.deposit(70).await.status, 201);
    let again = wire.customer_named(xid).await;
    assert_ne!(first.authorization, again.authorization);
    for customer in [&again, &first] {
        let reply =
            customer.send(Method::GET, "/api/v1/wallet", &[("min-wallet-version", "1")], vec![]).await;
        let seen = wallet(&reply, 200, "enabled", xid, 70);
        assert_eq!((&seen["id"], &seen["enabled_at"]), (&enabled["id"], &enabled["enabled_at"]));
    }
    assert_eq!(app.db.number("select count(*) from wallets").await, 1);
    // Whoever asks twice at once gets the same wallet, too.
    let xid = Uuid::new_v4();
    let all = futures_util::future::join_all((0..20).map(|_| wire.customer_named(xid))).await;
    assert_eq!(all[0].post("/wallet", "", "").await.status, 201);
    assert_eq!(all[19].post("/wallet", "", "").await.code(), (400, "already_enabled".to_owned()));
    assert_eq!(app.db.number("select count(*) from wallets").await, 2);
}

#[tokio::test]
async fn a_disabled_wallet_moves_nothing_and_shows_nothing() {
    let app = TestApp::start().await;
    let (_, customer) = Wire::to(&app.base).customer().await;
    for never_enabled in [true, false] {
        if !never_enabled {
            assert_eq!(customer.post("/wallet", "", "").await.status, 201);
            assert_eq!(customer.deposit(10).await.status, 201);
            assert_eq!(customer.disable().await.status, 200);
        }
        for reply in [
            customer.get("/wallet").await,
            customer.get("/wallet/transactions").await,
            customer.deposit(1).await,
            customer.withdraw(1, Uuid::new_v4()).await,
        ] {
            assert_fail(&reply, 404, "Wallet disabled", "wallet_disabled");
        }
        assert_fail(&customer.disable().await, 400, "Already disabled", "already_disabled");
    }
    assert_eq!(app.db.number("select sum(available) from wallets").await, 10);
    assert_eq!(app.db.number("select count(*) from transactions").await, 1, "no refusal but one is kept");
}

/// Who asks is looked at before what is asked, what is sent before the wallet's state, the reference before the status.
#[tokio::test]
async fn checks_come_in_their_order() {
    let app = TestApp::start_alone().await;
    let wire = Wire::to(&app.base);
    let (_, customer) = wire.customer().await;
    let deposits = "/wallet/deposits";
    assert_eq!(wire.post(deposits, "text/plain", "x").await.code(), (401, "unauthorized".to_owned()));
    assert_eq!(wire.post("/nowhere", "text/plain", "x").await.code(), (404, "not_found".to_owned()));
    assert_eq!(wire.get(deposits).await.code(), (405, "method_not_allowed".to_owned()));
    assert_eq!(customer.post(deposits, "text/plain", "x").await.code().0, 415);
    assert_eq!(
        customer.post(deposits, "application/json", "{").await.code(),
        (400, "malformed_body".to_owned())
    );
    assert_eq!(
        customer.form(deposits, &[("amount", "0")]).await.code(),
        (400, "validation_failed".to_owned())
    );
    assert_eq!(customer.deposit(1).await.code(), (404, "wallet_disabled".to_owned()));

    assert_eq!(customer.post("/wallet", "", "").await.status, 201);
    let reference = Uuid::new_v4();
    let used = [("amount", "5"), ("reference_id", &reference.to_string())];
    assert_eq!(customer.form(deposits, &used).await.status, 201);
    assert_eq!(customer.disable().await.status, 200);
    assert_eq!(customer.form(deposits, &used).await.code(), (400, "duplicate_reference".to_owned()));
    assert_eq!(customer.post("/wallet", "", "").await.status, 201);

    app.db.run("update wallets set frozen_at = now()").await;
    let frozen = customer.withdraw(1_000_000, Uuid::new_v4()).await;
    assert_fail(&frozen, 403, "Wallet frozen", "wallet_frozen");
    app.db.run("update wallets set frozen_at = null").await;

    let max = 9_007_199_254_740_991_i64;
    assert_fail(&customer.deposit(max).await, 400, "The balance would pass its limit", "balance_limit");
    assert_eq!(customer.deposit(max - 5).await.json()["data"]["deposit"]["balance"], json!(max));
    assert_eq!(customer.deposit(1).await.code(), (400, "balance_limit".to_owned()));
}
