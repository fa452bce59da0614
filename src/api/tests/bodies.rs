//! Nasty bodies in three encodings: the same fields and the same errors, and nothing has moved.

use poem::http::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Answer, Room, chunked, request};

const DEPOSITS: &str = "/api/v1/wallet/deposits";
const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";
const MULTIPART: &str = "multipart/form-data; boundary=X";

/// Fields as a multipart body with the boundary `X`.
fn multipart(fields: &[(&str, &str)]) -> String {
    let part = |(name, value): &(&str, &str)| {
        format!("--X\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    fields.iter().map(part).collect::<String>() + "--X--\r\n"
}

fn form(fields: &[(&str, &str)]) -> String {
    let escaped = |text: &str| text.bytes().map(|byte| format!("%{byte:02x}")).collect::<String>();
    fields.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect::<Vec<_>>().join("&")
}

async fn send(
    room: &Room,
    token: &str,
    method: Method,
    path: &str,
    kind: &str,
    body: impl Into<poem::Body>,
) -> Answer {
    room.send(request(method, path, token).header("content-type", kind).body(body)).await
}

async fn deposit(room: &Room, token: &str, kind: &str, body: impl Into<poem::Body>) -> Answer {
    send(room, token, Method::POST, DEPOSITS, kind, body).await
}

#[tokio::test]
async fn the_three_encodings_say_the_same() {
    let room = Room::new();
    let token = room.customer(0).await;
    let reference = || Uuid::now_v7().to_string();
    let r = reference();
    let as_json = json!({"amount": 5, "reference_id": r, "unknown": [1]}).to_string();
    assert_eq!(deposit(&room, &token, JSON, as_json).await.status, 201);
    let r = reference();
    assert_eq!(
        deposit(&room, &token, FORM, form(&[("amount", "5"), ("reference_id", &r), ("x", "y")])).await.status,
        201
    );
    let r = reference();
    let fields = [("amount", "5"), ("reference_id", r.as_str()), ("x", "y")];
    assert_eq!(deposit(&room, &token, MULTIPART, multipart(&fields)).await.status, 201);
    assert_eq!(room.wallets.balances(), 15);
}

#[tokio::test]
async fn wrong_amounts_are_field_errors_in_all_encodings() {
    let room = Room::new();
    let token = room.customer(0).await;
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
        assert_eq!(deposit(&room, &token, JSON, body).await.fields(), expected, "JSON {amount}");
    }
    let texts = [
        "", " ", " 5", "5 ", "5\n", "+5", "١٢", "５", "1,000", "1_000", "0x10", "null", "true", "Infinity",
        "NaN", "5;",
    ];
    for amount in numbers.into_iter().chain(texts) {
        let fields = [("amount", amount), ("reference_id", r.as_str())];
        assert_eq!(deposit(&room, &token, FORM, form(&fields)).await.fields(), expected, "form {amount}");
        assert_eq!(
            deposit(&room, &token, MULTIPART, multipart(&fields)).await.fields(),
            expected,
            "multipart {amount}"
        );
    }
    assert_eq!(room.wallets.balances(), 0);
}

#[tokio::test]
async fn the_largest_amount_and_zeros_in_front_are_fine() {
    let room = Room::new();
    for amount in ["9007199254740991", "1", "0000000000000000000000000000000000007"] {
        let token = room.customer(0).await;
        let r = Uuid::now_v7().to_string();
        let fields = [("amount", amount), ("reference_id", r.as_str())];
        assert_eq!(deposit(&room, &token, FORM, form(&fields)).await.status, 201, "{amount}");
    }
}

#[tokio::test]
async fn wrong_ids_are_field_errors_in_all_encodings() {
    let room = Room::new();
    let good = "1F0E6c1a-9a5b-4c7d-8e2f-3a4b5c6d7e8f";
    let expected = json!({"customer_xid": ["Not a valid UUID."]});
    let init =
        async |kind: &str, body: String| send(&room, "", Method::POST, "/api/v1/init", kind, body).await;
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
    let room = Room::new();
    let expected = json!({"is_disabled": ["Must be true."]});
    let token = room.customer(0).await;
    let patch = async |token: &str, kind: &str, body: String| {
        send(&room, token, Method::PATCH, "/api/v1/wallet", kind, body).await
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
        let token = room.customer(0).await;
        assert_eq!(patch(&token, kind, body).await.status, 200, "{kind}");
    }
}

#[tokio::test]
async fn all_that_is_missing_or_wrong_is_told_at_once() {
    let room = Room::new();
    let token = room.customer(0).await;
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
        assert_eq!(deposit(&room, &token, kind, body).await.fields(), both, "{kind} {body}");
    }
    assert_eq!(deposit(&room, &token, MULTIPART, multipart(&[])).await.fields(), both);
    let nothing = room.send(request(Method::POST, DEPOSITS, &token).finish()).await;
    assert_eq!(nothing.fields(), both, "no body and no content type");
    assert_eq!(
        nothing.text,
        format!(
            "{{\"status\":\"fail\",\"data\":{{\"error\":{{\"amount\":[\"{missing}\"],\"reference_id\":[\"{missing}\"]}},\"code\":\"validation_failed\"}}}}"
        ),
    );
    let mixed = deposit(&room, &token, JSON, "{\"amount\":0}").await.fields();
    assert_eq!(
        mixed,
        json!({"amount": ["Must be an integer from 1 to 9007199254740991."], "reference_id": [missing]})
    );
    let init = send(&room, "", Method::POST, "/api/v1/init", JSON, "{}").await;
    assert_eq!(init.fields(), json!({"customer_xid": [missing]}));
}

#[tokio::test]
async fn of_a_field_that_stands_twice_the_last_counts() {
    let room = Room::new();
    let token = room.customer(0).await;
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
        assert_eq!(deposit(&room, &token, kind, body).await.json()["data"]["deposit"]["amount"], 3, "{kind}");
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_malformed() {
    let room = Room::new();
    let token = room.customer(0).await;
    let deep =
        |open: &str, close: &str| format!("{{\"amount\":{}1{}}}", open.repeat(5_000), close.repeat(5_000));
    let mut bodies: Vec<(&str, Vec<u8>)> = [
        "{",
        "}",
        "[]",
        "null",
        "1",
        "\"amount\"",
        "{}{}",
        "{} x",
        "{'amount':1}",
        "{\"amount\":}",
        "{\"amount\":1,}",
        "{\"amount\":01}",
        "{\"amount\":+1}",
        "{\"amount\":NaN}",
        "{\"amount\":1e999}",
        "{amount:1}",
        "// x\n{}",
        " ",
        "\n",
        "amount=1",
        "\u{feff}{}",
        "{\"amount\":\"a\\u0000b\"}",
        "{\"amount\":\"\\ud800\"}",
        "{\"amount\":\"\u{1}\"}",
        "--X--",
    ]
    .into_iter()
    .map(|body| (JSON, body.as_bytes().to_vec()))
    .collect();
    bodies.push((JSON, deep("[", "]").into_bytes()));
    bodies.push((JSON, deep("{\"a\":", "}").into_bytes()));
    bodies.push((JSON, b"{\"amount\":\"\xff\"}".to_vec()));
    bodies.push((JSON, b"{\"\xc3\":1}".to_vec()));
    for body in
        ["amount=%", "amount=%4", "amount=%zz", "amount=%ff", "%ff=1", "amount=%00", "%00=1", "amount=1\u{0}"]
    {
        bodies.push((FORM, body.as_bytes().to_vec()));
    }
    bodies.push((FORM, b"amount=\xff".to_vec()));
    let whole = multipart(&[("amount", "1")]);
    for body in [
        "x",
        "--X",
        "--X\r\n",
        "--Y--\r\n",
        "{}",
        "amount=1",
        &whole[..whole.len() - 9],
        &whole.replace("\r\n", "\n"),
        "--X\r\n\r\n1\r\n--X--\r\n",
        "--X\r\nContent-Disposition: form-data\r\n\r\n1\r\n--X--\r\n",
        "--X\r\nContent-Disposition: form-data; name=\"amount\"\r\n1\r\n--X--\r\n",
        "--X\r\nContent-Disposition: form-data; name=\"amount\"\r\n\r\n1\0\r\n--X--\r\n",
    ] {
        bodies.push((MULTIPART, body.as_bytes().to_vec()));
    }
    bodies.push((
        MULTIPART,
        [b"--X\r\nContent-Disposition: form-data; name=\"amount\"\r\n\r\n".as_slice(), b"\xff\r\n--X--\r\n"]
            .concat(),
    ));
    for kind in [
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=\"",
        "multipart/form-data; boundary=Y",
    ] {
        bodies.push((kind, whole.clone().into_bytes()));
    }
    for (kind, body) in bodies {
        let shown = format!("{kind} {}", String::from_utf8_lossy(&body));
        assert_eq!(
            deposit(&room, &token, kind, body).await.code(),
            (400, "malformed_body".to_owned()),
            "{shown}"
        );
    }
    assert_eq!(room.wallets.balances(), 0);
}

#[tokio::test]
async fn other_content_types_are_not_read() {
    let room = Room::new();
    let token = room.customer(0).await;
    let body = json!({"amount": 5, "reference_id": Uuid::now_v7()}).to_string();
    for kind in [
        "",
        "text/plain",
        "application/xml",
        "application/jsonx",
        "application/json2",
        "json",
        "*/*",
        "multipart/mixed; boundary=X",
    ] {
        let answer = deposit(&room, &token, kind, body.clone()).await;
        assert_eq!(answer.code(), (415, "unsupported_media_type".to_owned()), "{kind}");
    }
    let unsaid = room.send(request(Method::POST, DEPOSITS, &token).body(body.clone())).await;
    assert_eq!(unsaid.code(), (415, "unsupported_media_type".to_owned()));
    let packed = request(Method::POST, DEPOSITS, &token)
        .header("content-type", JSON)
        .header("content-encoding", "gzip");
    assert_eq!(room.send(packed.body(body.clone())).await.code(), (415, "unsupported_media_type".to_owned()));
    for kind in
        ["application/json; charset=utf-8", "Application/JSON", "application/json;", " application/json "]
    {
        let body = json!({"amount": 5, "reference_id": Uuid::now_v7()}).to_string();
        assert_eq!(deposit(&room, &token, kind, body).await.status, 201, "{kind}");
    }
}

#[tokio::test]
async fn a_body_has_a_limit_with_and_without_a_length() {
    let room = Room::new();
    let token = room.customer(0).await;
    let padded = |length: usize| {
        let body = json!({"amount": 1, "reference_id": Uuid::now_v7()}).to_string();
        body.clone() + &" ".repeat(length - body.len())
    };
    let pieces = |text: String| chunked(text.as_bytes().chunks(1_000).map(<[u8]>::to_vec).collect());
    for path in [DEPOSITS, "/api/v1/wallet/withdrawals", "/api/v1/wallet", "/api/v1/init"] {
        let big = request(Method::POST, path, &token).header("content-type", JSON);
        assert_eq!(
            room.send(big.body(padded(65_537))).await.code(),
            (413, "payload_too_large".to_owned()),
            "{path}"
        );
        let big = request(Method::POST, path, &token).header("content-type", JSON);
        assert_eq!(
            room.send(big.body(pieces(padded(65_537)))).await.code(),
            (413, "payload_too_large".to_owned())
        );
        let announced = request(Method::POST, path, &token)
            .header("content-type", JSON)
            .header("content-length", "65537");
        assert_eq!(room.send(announced.body("{}")).await.code(), (413, "payload_too_large".to_owned()));
    }
    assert_eq!(room.wallets.balances(), 0);
    assert_eq!(deposit(&room, &token, JSON, padded(65_536)).await.status, 201);
    assert_eq!(deposit(&room, &token, JSON, pieces(padded(65_536))).await.status, 201);
}

#[tokio::test]
async fn enabling_needs_no_body_and_ignores_any() {
    let room = Room::new();
    for (kind, body) in [("", ""), (JSON, "{"), (FORM, "%"), ("text/plain", "hello"), (MULTIPART, "--X")] {
        let token = room.disabled_customer().await;
        assert_eq!(
            send(&room, &token, Method::POST, "/api/v1/wallet", kind, body).await.status,
            201,
            "{kind}"
        );
    }
}

#[tokio::test]
async fn a_file_counts_as_its_text() {
    let room = Room::new();
    let token = room.customer(0).await;
    let body = format!(
        "preamble\r\n--X\r\nContent-Disposition: form-data; name=\"amount\"; filename=\"a.txt\"\r\nContent-Type: text/plain\r\n\r\n7\r\n\
         --X\r\ncontent-disposition: form-data; name=reference_id\r\n\r\n{}\r\n--X--\r\nepilogue",
        Uuid::now_v7()
    );
    let answer = deposit(&room, &token, "multipart/form-data; boundary=\"X\"", body).await;
    assert_eq!(answer.json()["data"]["deposit"]["amount"], Value::from(7));
}
