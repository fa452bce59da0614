//! Bodies as a whole: what is read, what is not, and how much of it.

use poem::http::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    TestApi, chunked,
    encodings::{DEPOSITS, FORM, JSON, MULTIPART, deposit, form, multipart, send},
    request,
};
use crate::payments::{Mode, Order, Payment};

#[tokio::test]
async fn the_three_encodings_say_the_same() {
    let api = TestApi::new();
    let token = api.customer();
    let reference = || Uuid::now_v7().to_string();
    let r = reference();
    let as_json = json!({"amount": 5, "reference_id": r, "unknown": [1]}).to_string();
    assert_eq!(deposit(&api, &token, JSON, as_json).await.status, 201);
    let r = reference();
    assert_eq!(
        deposit(&api, &token, FORM, form(&[("amount", "5"), ("reference_id", &r), ("x", "y")])).await.status,
        201
    );
    let r = reference();
    let fields = [("amount", "5"), ("reference_id", r.as_str()), ("x", "y")];
    assert_eq!(deposit(&api, &token, MULTIPART, multipart(&fields)).await.status, 201);
    let amount = |(order, _): (Order, Mode)| match order.payment {
        Payment::Deposit(deposit) => deposit.amount.minor_units(),
        other => panic!("{other:?}"),
    };
    assert_eq!(api.orders().into_iter().map(amount).collect::<Vec<_>>(), [5, 5, 5]);
}

#[tokio::test]
async fn what_cannot_be_read_is_malformed() {
    let api = TestApi::new();
    let token = api.customer();
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
            deposit(&api, &token, kind, body).await.code(),
            (400, "malformed_body".to_owned()),
            "{shown}"
        );
    }
    assert!(api.services.calls().is_empty());
}

#[tokio::test]
async fn other_content_types_are_not_read() {
    let api = TestApi::new();
    let token = api.customer();
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
        let answer = deposit(&api, &token, kind, body.clone()).await;
        assert_eq!(answer.code(), (415, "unsupported_media_type".to_owned()), "{kind}");
    }
    let unsaid = api.send(request(Method::POST, DEPOSITS, &token).body(body.clone())).await;
    assert_eq!(unsaid.code(), (415, "unsupported_media_type".to_owned()));
    let packed = request(Method::POST, DEPOSITS, &token)
        .header("content-type", JSON)
        .header("content-encoding", "gzip");
    assert_eq!(api.send(packed.body(body.clone())).await.code(), (415, "unsupported_media_type".to_owned()));
    for kind in
        ["application/json; charset=utf-8", "Application/JSON", "application/json;", " application/json "]
    {
        let body = json!({"amount": 5, "reference_id": Uuid::now_v7()}).to_string();
        assert_eq!(deposit(&api, &token, kind, body).await.status, 201, "{kind}");
    }
}

#[tokio::test]
async fn a_body_has_a_limit_with_and_without_a_length() {
    let api = TestApi::new();
    let token = api.customer();
    let padded = |length: usize| {
        let body = json!({"amount": 1, "reference_id": Uuid::now_v7()}).to_string();
        body.clone() + &" ".repeat(length - body.len())
    };
    let pieces = |text: String| chunked(text.as_bytes().chunks(1_000).map(<[u8]>::to_vec).collect());
    for path in [DEPOSITS, "/api/v1/wallet/withdrawals", "/api/v1/wallet", "/api/v1/init"] {
        let big = request(Method::POST, path, &token).header("content-type", JSON);
        assert_eq!(
            api.send(big.body(padded(65_537))).await.code(),
            (413, "payload_too_large".to_owned()),
            "{path}"
        );
        let big = request(Method::POST, path, &token).header("content-type", JSON);
        assert_eq!(
            api.send(big.body(pieces(padded(65_537)))).await.code(),
            (413, "payload_too_large".to_owned())
        );
        let announced = request(Method::POST, path, &token)
            .header("content-type", JSON)
            .header("content-length", "65537");
        assert_eq!(api.send(announced.body("{}")).await.code(), (413, "payload_too_large".to_owned()));
    }
    assert!(api.services.calls().is_empty());
    assert_eq!(deposit(&api, &token, JSON, padded(65_536)).await.status, 201);
    assert_eq!(deposit(&api, &token, JSON, pieces(padded(65_536))).await.status, 201);
}

#[tokio::test]
async fn enabling_needs_no_body_and_ignores_any() {
    let api = TestApi::new();
    for (kind, body) in [("", ""), (JSON, "{"), (FORM, "%"), ("text/plain", "hello"), (MULTIPART, "--X")] {
        let token = api.customer();
        assert_eq!(
            send(&api, &token, Method::POST, "/api/v1/wallet", kind, body).await.status,
            201,
            "{kind}"
        );
    }
}

#[tokio::test]
async fn a_file_counts_as_its_text() {
    let api = TestApi::new();
    let token = api.customer();
    let body = format!(
        "preamble\r\n--X\r\nContent-Disposition: form-data; name=\"amount\"; filename=\"a.txt\"\r\nContent-Type: text/plain\r\n\r\n7\r\n\
         --X\r\ncontent-disposition: form-data; name=reference_id\r\n\r\n{}\r\n--X--\r\nepilogue",
        Uuid::now_v7()
    );
    let answer = deposit(&api, &token, "multipart/form-data; boundary=\"X\"", body).await;
    assert_eq!(answer.json()["data"]["deposit"]["amount"], Value::from(7));
}
