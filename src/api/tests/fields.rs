//! Fields that are missing or wrong: the same errors in all encodings, all at once, and nothing has moved.

use poem::http::Method;
use serde_json::json;
use uuid::Uuid;

use super::{
    TestApi,
    encodings::{DEPOSITS, FORM, JSON, MULTIPART, deposit, form, multipart, send},
    request,
};

#[tokio::test]
async fn wrong_amounts_are_field_errors_in_all_encodings() {
    let api = TestApi::new();
    let token = api.customer();
    let expected = json!({"amount": ["Must be an integer from 1 to 9007199254740991."]});
    let r = Uuid::now_v7().to_string();
    let numbers = [
        "0",
        "-1",
        "-0",
        "1.5",
        "1.0",
        "1e2",
        "1E2",
        "1e3",
        "0.1e1",
        "9007199254740992",
        "9223372036854775808",
        "18446744073709551616",
        "100000000000000000000000000",
        "1e308",
    ];
    let others = ["\"100\"", "\"\"", "\"١٢\"", "[]", "[1]", "{}", "{\"amount\":1}", "true", "false", "null"];
    for amount in numbers.into_iter().chain(others) {
        let body = format!("{{\"amount\":{amount},\"reference_id\":\"{r}\"}}");
        assert_eq!(deposit(&api, &token, JSON, body).await.fields(), expected, "JSON {amount}");
    }
    let texts = [
        "", " ", " 5", "5 ", "5\n", "+5", "١٢", "５", "1,000", "1_000", "0x10", "null", "true", "Infinity",
        "NaN", "5;",
    ];
    for amount in numbers.into_iter().chain(texts) {
        let fields = [("amount", amount), ("reference_id", r.as_str())];
        assert_eq!(deposit(&api, &token, FORM, form(&fields)).await.fields(), expected, "form {amount}");
        assert_eq!(
            deposit(&api, &token, MULTIPART, multipart(&fields)).await.fields(),
            expected,
            "multipart {amount}"
        );
    }
    assert!(api.services.calls().is_empty());
}

#[tokio::test]
async fn the_largest_amount_and_zeros_in_front_are_fine() {
    let api = TestApi::new();
    for amount in ["9007199254740991", "1", "0000000000000000000000000000000000007"] {
        let token = api.customer();
        let r = Uuid::now_v7().to_string();
        let fields = [("amount", amount), ("reference_id", r.as_str())];
        assert_eq!(deposit(&api, &token, FORM, form(&fields)).await.status, 201, "{amount}");
    }
}

#[tokio::test]
async fn wrong_ids_are_field_errors_in_all_encodings() {
    let api = TestApi::new();
    let good = "1F0E6c1a-9a5b-4c7d-8e2f-3a4b5c6d7e8f";
    let expected = json!({"customer_xid": ["Not a valid UUID."]});
    let init =
        async |kind: &str, body: String| send(&api, "", Method::POST, "/api/v1/init", kind, body).await;
    let texts = [
        "",
        " ",
        "x",
        "123",
        "1f0e6c1a9a5b4c7d8e2f3a4b5c6d7e8f",
        "{1f0e6c1a-9a5b-4c7d-8e2f-3a4b5c6d7e8f}",
        "urn:uuid:1f0e6c1a-9a5b-4c7d-8e2f-3a4b5c6d7e8f",
        "1f0e6c1a-9a5b-4c7d-8e2f-3a4b5c6d7e8",
        "1f0e6c1a-9a5b-4c7d-8e2f-3a4b5c6d7e8ff",
        "1f0e6c1a-9a5b-4c7d-8e2f-3a4b5c6d7e8g",
        " 1f0e6c1a-9a5b-4c7d-8e2f-3a4b5c6d7e8f",
        "1f0e6c1a-9a5b-4c7d-8e2f3-a4b5c6d7e8f",
        "1f0e6c1a_9a5b_4c7d_8e2f_3a4b5c6d7e8f",
        "' or 1=1 --",
        "é0e6c1a-9a5b-4c7d-8e2f-3a4b5c6d7e8f",
    ];
    for text in texts {
        let fields = [("customer_xid", text)];
        assert_eq!(
            init(JSON, json!({"customer_xid": text}).to_string()).await.fields(),
            expected,
            "JSON {text}"
        );
        assert_eq!(init(FORM, form(&fields)).await.fields(), expected, "form {text}");
        assert_eq!(init(MULTIPART, multipart(&fields)).await.fields(), expected, "multipart {text}");
    }
    for value in ["null", "1", "[]", "{}", "true", &format!("[\"{good}\"]")] {
        assert_eq!(
            init(JSON, format!("{{\"customer_xid\":{value}}}")).await.fields(),
            expected,
            "JSON {value}"
        );
    }
    let fields = [("customer_xid", good)];
    assert_eq!(init(FORM, form(&fields)).await.status, 201, "capital letters are fine");
    assert_eq!(init(JSON, json!({"customer_xid": good}).to_string()).await.status, 201);
}

#[tokio::test]
async fn a_wallet_is_disabled_by_true_and_nothing_else() {
    let api = TestApi::new();
    let expected = json!({"is_disabled": ["Must be true."]});
    let token = api.customer();
    let patch = async |token: &str, kind: &str, body: String| {
        send(&api, token, Method::PATCH, "/api/v1/wallet", kind, body).await
    };
    for text in ["false", "", "1", "yes", "on", "true ", "truetrue", "null"] {
        let fields = [("is_disabled", text)];
        assert_eq!(patch(&token, FORM, form(&fields)).await.fields(), expected, "form {text}");
        assert_eq!(patch(&token, MULTIPART, multipart(&fields)).await.fields(), expected, "multipart {text}");
    }
    for value in ["false", "null", "1", "\"true\"", "[true]", "{}"] {
        assert_eq!(
            patch(&token, JSON, format!("{{\"is_disabled\":{value}}}")).await.fields(),
            expected,
            "JSON {value}"
        );
    }
    assert_eq!(
        patch(&token, FORM, String::new()).await.fields(),
        json!({"is_disabled": ["Missing data for required field."]})
    );
    let fields = [("is_disabled", "TRUE")];
    let bodies = [
        (JSON, json!({"is_disabled": true}).to_string()),
        (FORM, form(&fields)),
        (MULTIPART, multipart(&fields)),
    ];
    for (kind, body) in bodies {
        let token = api.customer();
        assert_eq!(patch(&token, kind, body).await.status, 200, "{kind}");
    }
}

#[tokio::test]
async fn all_that_is_missing_or_wrong_is_answered_at_once() {
    let api = TestApi::new();
    let token = api.customer();
    let missing = "Missing data for required field.";
    let both = json!({"amount": [missing], "reference_id": [missing]});
    for (kind, body) in [
        (JSON, "{}"),
        (JSON, ""),
        (FORM, ""),
        (FORM, "a=b"),
        (FORM, "&"),
        (MULTIPART, ""),
        ("", ""),
        ("text/plain", ""),
    ] {
        assert_eq!(deposit(&api, &token, kind, body).await.fields(), both, "{kind} {body}");
    }
    assert_eq!(deposit(&api, &token, MULTIPART, multipart(&[])).await.fields(), both);
    let nothing = api.send(request(Method::POST, DEPOSITS, &token).finish()).await;
    assert_eq!(nothing.fields(), both, "no body and no content type");
    assert_eq!(
        nothing.text,
        format!(
            "{{\"status\":\"fail\",\"data\":{{\"error\":{{\"amount\":[\"{missing}\"],\"reference_id\":[\"{missing}\"]}},\"code\":\"validation_failed\"}}}}"
        ),
    );
    let mixed = deposit(&api, &token, JSON, "{\"amount\":0}").await.fields();
    assert_eq!(
        mixed,
        json!({"amount": ["Must be an integer from 1 to 9007199254740991."], "reference_id": [missing]})
    );
    let init = send(&api, "", Method::POST, "/api/v1/init", JSON, "{}").await;
    assert_eq!(init.fields(), json!({"customer_xid": [missing]}));
}

#[tokio::test]
async fn of_a_field_that_stands_twice_the_last_counts() {
    let api = TestApi::new();
    let token = api.customer();
    for (kind, amounts) in [(JSON, ["0", "3"]), (FORM, ["x", "3"]), (MULTIPART, ["", "3"])] {
        let r = Uuid::now_v7().to_string();
        let fields = [("amount", amounts[0]), ("reference_id", r.as_str()), ("amount", amounts[1])];
        let body = match kind {
            JSON => {
                format!("{{\"amount\":{},\"reference_id\":\"{r}\",\"amount\":{}}}", amounts[0], amounts[1])
            }
            FORM => form(&fields),
            _ => multipart(&fields),
        };
        assert_eq!(deposit(&api, &token, kind, body).await.json()["data"]["deposit"]["amount"], 3, "{kind}");
    }
}
