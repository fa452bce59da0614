//! Values that are none: a field error in every encoding, and nothing has changed.

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    books::books,
    encodings::{ENCODINGS, Encoding},
    wire::Wire,
};
use crate::support::app::TestApp;

const MONEY: [&str; 2] = ["/wallet/deposits", "/wallet/withdrawals"];

#[tokio::test]
async fn an_amount_is_a_whole_number_in_range_or_a_field_error() {
    let app = TestApp::start_alone().await;
    let customer = Wire::to(&app.base).enabled().await;
    assert_eq!(customer.deposit(1_000_000).await.status, 201);
    let before = books(&app.db).await;
    let expected = json!({"amount": ["Must be an integer from 1 to 9007199254740991."]});
    // As they are written: not every one can be held by a JSON value.
    let numbers = [
        "0",
        "-0",
        "-1",
        "1.5",
        "1.0",
        "1e3",
        "1E3",
        "9007199254740992",
        "9223372036854775808",
        "1e308",
        "1e-1",
    ];
    let only_json = ["\"100\"", "\"\"", "\"١٢\"", "\"1e3\"", "[]", "[100]", "{}", "null", "true", "false"];
    let only_text =
        ["", " ", " 100", "100 ", "+100", "١٢", "１２", "1,000", "0x64", "NaN", "null", "1\u{a0}0"];
    for path in MONEY {
        for amount in numbers.iter().chain(&only_json) {
            let body = format!("{{\"amount\":{amount},\"reference_id\":\"{}\"}}", Uuid::new_v4());
            let reply = customer.post(path, "application/json", body).await;
            reply.assert_jsend();
            let seen = (reply.code(), reply.error());
            assert_eq!(
                seen,
                ((400, "validation_failed".to_owned()), expected.clone()),
                "{path} JSON {amount}"
            );
        }
        for encoding in [Encoding::Form, Encoding::Multipart] {
            for amount in numbers.iter().chain(&only_text) {
                let fields = [("amount", json!(amount)), ("reference_id", json!(Uuid::new_v4()))];
                let reply = encoding.send(&customer, Method::POST, path, &fields).await;
                reply.assert_jsend();
                let seen = (reply.code(), reply.error());
                let right = (400, "validation_failed".to_owned());
                assert_eq!(seen, (right, expected.clone()), "{path} {encoding:?} {amount:?}");
            }
        }
    }
    assert_eq!(books(&app.db).await, before);
}

#[tokio::test]
async fn an_id_is_a_uuid_or_a_field_error() {
    let app = TestApp::start_alone().await;
    let wire = Wire::to(&app.base);
    let customer = wire.enabled().await;
    assert_eq!(customer.deposit(1_000_000).await.status, 201);
    let before = books(&app.db).await;
    let wrong = [
        "not a valid UUID",
        "",
        " ",
        "123",
        "4b01c9bb3acd47dc87db53e95a7d4d9c",
        "urn:uuid:4b01c9bb-3acd-47dc-87db-53e95a7d4d9c",
        "{4b01c9bb-3acd-47dc-87db-53e95a7d4d9c}",
        "4b01c9bb-3acd-47dc-87db-53e95a7d4d9g",
        "4b01c9bb-3acd-47dc-87db-53e95a7d4d9c ",
        "' or '1'='1",
    ]
    .map(Value::from);
    for encoding in ENCODINGS {
        let odd = [
            json!(null),
            json!(1),
            json!([]),
            json!({}),
            json!(true),
            json!(["4b01c9bb-3acd-47dc-87db-53e95a7d4d9c"]),
        ];
        for value in wrong.iter().chain(&odd) {
            let reply = encoding.send(&wire, Method::POST, "/init", &[("customer_xid", value.clone())]).await;
            reply.assert_jsend();
            let expected = json!({"customer_xid": ["Not a valid UUID."]});
            assert_eq!(
                (reply.code(), reply.error()),
                ((400, "validation_failed".to_owned()), expected),
                "{encoding:?} {value}"
            );
            for path in MONEY {
                let fields = [("amount", json!(5)), ("reference_id", value.clone())];
                let reply = encoding.send(&customer, Method::POST, path, &fields).await;
                reply.assert_jsend();
                let expected = json!({"reference_id": ["Not a valid UUID."]});
                assert_eq!(
                    (reply.code(), reply.error()),
                    ((400, "validation_failed".to_owned()), expected),
                    "{encoding:?} {value}"
                );
            }
        }
    }
    assert_eq!(books(&app.db).await, before);
}

#[tokio::test]
async fn a_wallet_is_disabled_by_true_or_not_at_all() {
    let app = TestApp::start_alone().await;
    let customer = Wire::to(&app.base).enabled().await;
    let before = books(&app.db).await;
    for (encoding, values) in [
        (Encoding::Json, vec![json!(false), json!("true"), json!(1), json!(null), json!([true]), json!({})]),
        (Encoding::Form, ["false", "", "1", "yes", " true", "null"].map(Value::from).into()),
        (Encoding::Multipart, ["false", "", "1", "yes", " true", "null"].map(Value::from).into()),
    ] {
        for value in values {
            let reply =
                encoding.send(&customer, Method::PATCH, "/wallet", &[("is_disabled", value.clone())]).await;
            reply.assert_jsend();
            let expected = json!({"is_disabled": ["Must be true."]});
            assert_eq!((reply.status, reply.error()), (400, expected), "{encoding:?} {value}");
        }
    }
    assert_eq!(books(&app.db).await, before);
    assert_eq!(customer.get("/wallet").await.status, 200);
}
