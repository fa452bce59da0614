//! Bodies that cannot be read, or not to their end: the documented code, and nothing has changed.

use std::fmt::Write;

use reqwest::Method;
use uuid::Uuid;

use super::{
    books::books,
    encodings::{ENCODINGS, Encoding},
    wire::Wire,
};
use crate::support::app::TestApp;

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";
const MULTIPART: &str = "multipart/form-data; boundary=a-boundary";
/// Every request that reads fields.
const TARGETS: [(Method, &str); 4] = [
    (Method::POST, "/init"),
    (Method::PATCH, "/wallet"),
    (Method::POST, "/wallet/deposits"),
    (Method::POST, "/wallet/withdrawals"),
];
const LIMIT: usize = 64 * 1024;

async fn rich(app: &TestApp) -> Wire {
    let customer = Wire::to(&app.base).enabled().await;
    assert_eq!(customer.deposit(1_000_000).await.status, 201);
    customer
}

#[tokio::test]
async fn what_cannot_be_read_is_malformed() {
    let app = TestApp::start_alone().await;
    let customer = rich(&app).await;
    let before = books(&app.db).await;
    let mut bodies: Vec<(&str, Vec<u8>)> = Vec::new();
    for text in [
        "{",
        "}",
        "[]",
        "null",
        "5",
        "\"amount\"",
        "{}{}",
        "{'amount':1}",
        "{\"amount\":01}",
        "{\"amount\":1,}",
        "{\"amount\":NaN}",
        "amount=1",
        " ",
        "\u{feff}{}",
        "{\"amount\":\"\\u0000\"}",
    ] {
        bodies.push((JSON, text.into()));
    }
    bodies.push((JSON, b"{\"amount\":\"\xff\"}".into()));
    bodies.push((JSON, format!("{{\"amount\":{}{}}}", "[".repeat(10_000), "]".repeat(10_000)).into()));
    for text in ["amount=%", "amount=%zz", "amount=%ff", "%ff=1", "amount=%00"] {
        bodies.push((FORM, text.into()));
    }
    bodies.push((FORM, b"amount=\xff".into()));
    let whole = Encoding::Multipart
        .body(&[("amount", 5.into()), ("reference_id", Uuid::new_v4().to_string().into())]);
    for text in [
        "--a-boundary",
        "x",
        "{}",
        "--other--\r\n",
        &whole[..whole.len() - 20],
        &whole.replace("\r\n", "\n"),
        "--a-boundary\r\n\r\n1\r\n--a-boundary--\r\n",
        "--a-boundary\r\nContent-Disposition: form-data\r\n\r\n1\r\n--a-boundary--\r\n",
    ] {
        bodies.push((MULTIPART, text.into()));
    }
    bodies.push(("multipart/form-data", whole.clone().into()));
    bodies.push(("multipart/form-data; boundary=other", whole.into()));
    for (method, path) in TARGETS {
        for (kind, body) in &bodies {
            let reply = customer.api(method.clone(), path, kind, body.clone()).await;
            reply.assert_jsend();
            let shown = String::from_utf8_lossy(&body[..body.len().min(60)]);
            assert_eq!(reply.code(), (400, "malformed_body".to_owned()), "{path} {kind} {shown}");
        }
    }
    assert_eq!(books(&app.db).await, before);
}

#[tokio::test]
async fn other_content_types_are_not_read() {
    let app = TestApp::start_alone().await;
    let customer = rich(&app).await;
    let before = books(&app.db).await;
    let body = format!(
        "{{\"amount\":5,\"reference_id\":\"{}\",\"customer_xid\":\"{0}\",\"is_disabled\":true}}",
        Uuid::new_v4()
    );
    for (method, path) in TARGETS {
        for kind in [
            "",
            "text/plain",
            "application/xml",
            "application/jsonp",
            "*/*",
            "multipart/mixed; boundary=a-boundary",
            "json",
        ] {
            let reply = customer.api(method.clone(), path, kind, body.clone()).await;
            reply.assert_jsend();
            assert_eq!(reply.code(), (415, "unsupported_media_type".to_owned()), "{path} {kind:?}");
        }
        let headers = [("content-type", JSON), ("content-encoding", "gzip")];
        let packed =
            customer.send(method.clone(), &format!("/api/v1{path}"), &headers, body.clone().into()).await;
        assert_eq!(packed.code(), (415, "unsupported_media_type".to_owned()), "{path}");
    }
    assert_eq!(books(&app.db).await, before);
}

/// A whole request as bytes, its body in chunks, so that nobody knows the length in advance.
fn chunked(wire: &Wire, (method, path): &(Method, &str), kind: &str, body: &[u8]) -> Vec<u8> {
    let mut request = format!("{method} /api/v1{path} HTTP/1.1\r\nHost: wallet\r\nConnection: close\r\n");
    if let Some(authorization) = &wire.authorization {
        let _ = write!(request, "Authorization: {authorization}\r\n");
    }
    let _ = write!(request, "Content-Type: {kind}\r\nTransfer-Encoding: chunked\r\n\r\n");
    let mut bytes = request.into_bytes();
    for chunk in body.chunks(10_000) {
        bytes.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
        bytes.extend(chunk);
        bytes.extend(b"\r\n");
    }
    bytes.extend(b"0\r\n\r\n");
    bytes
}

#[tokio::test]
async fn a_body_over_64_kib_is_too_large_with_and_without_a_length() {
    let app = TestApp::start_alone().await;
    let customer = rich(&app).await;
    let before = books(&app.db).await;
    let too_large = (413, "payload_too_large".to_owned());
    let enabling = (Method::POST, "/wallet");
    for target in TARGETS.into_iter().chain([enabling]) {
        let (method, path) = &target;
        for encoding in ENCODINGS {
            // Right but for a field that nobody asked for, which makes it one byte too long.
            let fields = |padding: usize| {
                [
                    ("amount", 5.into()),
                    ("reference_id", Uuid::nil().to_string().into()),
                    ("is_disabled", true.into()),
                    ("customer_xid", Uuid::nil().to_string().into()),
                    ("padding", "x".repeat(padding).into()),
                ]
            };
            let short = encoding.body(&fields(0)).len();
            let body = encoding.body(&fields(LIMIT + 1 - short));
            assert_eq!(body.len(), LIMIT + 1);
            let reply = customer.api(method.clone(), path, encoding.content_type(), body.clone()).await;
            reply.assert_jsend();
            assert_eq!(reply.code(), too_large, "{path} {encoding:?}");
            let reply =
                customer.raw(chunked(&customer, &target, encoding.content_type(), body.as_bytes())).await;
            assert_eq!(reply.status, 413, "{path} {encoding:?}");
            assert!(reply.text.contains("payload_too_large"), "{reply:?}");
        }
        let huge = customer.api(method.clone(), path, JSON, vec![b' '; 5_000_000]).await;
        assert_eq!(huge.code(), too_large, "{path}");
    }
    assert_eq!(books(&app.db).await, before);
    // At the limit it is taken, whether or not its length is known.
    for is_chunked in [false, true] {
        let fields = |padding: usize| {
            [
                ("amount", 5.into()),
                ("reference_id", Uuid::new_v4().to_string().into()),
                ("padding", "x".repeat(padding).into()),
            ]
        };
        let short = Encoding::Json.body(&fields(0)).len();
        let body = Encoding::Json.body(&fields(LIMIT - short));
        let target = (Method::POST, "/wallet/deposits");
        let reply = if is_chunked {
            customer.raw(chunked(&customer, &target, JSON, body.as_bytes())).await
        } else {
            customer.post(target.1, JSON, body).await
        };
        assert_eq!(reply.status, 201, "{reply:?}");
    }
}

#[tokio::test]
async fn a_body_that_ends_early_moves_nothing() {
    let app = TestApp::start_alone().await;
    let customer = rich(&app).await;
    let before = books(&app.db).await;
    let authorization = customer.authorization.clone().expect("a token");
    let body = format!("amount=5&reference_id={}", Uuid::new_v4());
    // Whole to look at, but the length says that there is more to come; then nobody writes any more.
    let announced = format!(
        "POST /api/v1/wallet/deposits HTTP/1.1\r\nHost: wallet\r\nConnection: close\r\nAuthorization: {authorization}\r\n\
         Content-Type: {FORM}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len() + 10
    );
    let mut stream =
        std::net::TcpStream::connect(app.base.trim_start_matches("http://")).expect("a connection");
    std::io::Write::write_all(&mut stream, announced.as_bytes()).expect("the request");
    stream.shutdown(std::net::Shutdown::Write).expect("the end");
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    drop(stream);
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    assert_eq!(books(&app.db).await, before);
    assert_eq!(customer.deposit(1).await.status, 201, "and the next one is served");
}
