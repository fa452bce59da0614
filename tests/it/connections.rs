//! A connection after an answer: whatever was asked, the next request of the same connection is answered for itself.

use std::{process::Command, time::Duration};

use serde_json::Value;
use tokio::{io::AsyncWriteExt, net::TcpStream, time::timeout};
use uuid::Uuid;

use super::support::{
    app::{TestApp, settings_for},
    customer::Customer,
    database::TestDatabase,
    process::{Server, command},
    raw::{WAIT_TIMEOUT, answer, rest},
    wait::until,
};

async fn connect(base: &str) -> TcpStream {
    TcpStream::connect(base.trim_start_matches("http://")).await.expect("a connection")
}

/// The status and the code of an answer.
fn told(answer: &str) -> (u16, String) {
    let status = answer.get(9..12).and_then(|status| status.parse().ok()).expect("a status line");
    let (_, body) = answer.split_once("\r\n\r\n").expect("a body");
    let body: Value = serde_json::from_str(body).unwrap_or_default();
    let code = body["data"]["code"].as_str().or(body["code"].as_str()).unwrap_or_default();
    (status, code.to_owned())
}

fn closes(answer: &str) -> bool {
    answer.to_lowercase().contains("\r\nconnection: close\r\n")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_before_the_body_was_looked_at_leaves_the_connection_whole() {
    let app = TestApp::start_alone().await;
    let token = app.customer().await.token;
    let foreign = format!("/api/v1/wallet/transactions/{}", Uuid::new_v4());
    let asked: [(&str, &str, String, u16); 7] = [
        ("POST", "/api/v1/wallet/deposits", String::new(), 401),
        ("POST", "/api/v1/wallets", format!("authorization: Token {token}\r\n"), 403),
        ("POST", "/api/v1/nowhere", String::new(), 404),
        ("DELETE", "/api/v1/wallet", format!("authorization: Token {token}\r\n"), 405),
        ("GET", "/api/v1/wallet", format!("authorization: Token {token}\r\nmin-wallet-version: x\r\n"), 400),
        ("GET", "/api/v1/wallet", format!("authorization: Token {token}\r\n"), 200),
        ("GET", &foreign, format!("authorization: Token {token}\r\n"), 404),
    ];
    for is_chunked in [false, true] {
        let mut stream = connect(&app.base).await;
        for (method, path, headers, status) in &asked {
            // A body that would be a request of its own, if it were taken for one.
            let body = "GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n".repeat(100);
            let (length, body) = if is_chunked {
                ("transfer-encoding: chunked".to_owned(), format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len()))
            } else {
                (format!("content-length: {}", body.len()), body)
            };
            let head = format!("{method} {path} HTTP/1.1\r\nhost: x\r\n{headers}{length}\r\n\r\n");
            // The body comes later than the head, and in two parts.
            for part in [head.as_str(), &body[..1_000], &body[1_000..]] {
                stream.write_all(part.as_bytes()).await.expect("sent");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            let answer = answer(&mut stream).await;
            assert_eq!(told(&answer).0, *status, "{method} {path}: {answer}");
            assert!(!closes(&answer), "{answer}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_is_too_large_ends_the_connection_with_the_whole_answer() {
    let app = TestApp::start_alone().await;
    let token = app.customer().await.token;
    for (path, headers, expected) in [
        ("/api/v1/wallet/deposits", format!("authorization: Token {token}\r\n"), (413, "payload_too_large")),
        ("/api/v1/wallet/deposits", String::new(), (401, "unauthorized")),
        ("/api/v1/nowhere", String::new(), (404, "not_found")),
    ] {
        for is_chunked in [false, true] {
            let length = if is_chunked { "transfer-encoding: chunked" } else { "content-length: 300000" };
            let head = format!("POST {path} HTTP/1.1\r\nhost: x\r\n{headers}{length}\r\n\r\n");
            let mut body = vec![b'x'; 300_000];
            if is_chunked {
                body = [b"493e0\r\n".as_slice(), &body, b"\r\n0\r\n\r\n"].concat();
            }
            let mut stream = connect(&app.base).await;
            stream.write_all(head.as_bytes()).await.expect("the head is sent");
            // A client that reads nothing before it has sent everything, as many do.
            stream.write_all(&body).await.expect("the body is sent");
            let answer = rest(&mut stream).await;
            let (status, code) = told(&answer);
            assert_eq!((status, code.as_str()), expected, "{path}: {answer}");
            assert!(closes(&answer), "{answer}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_head_that_can_be_read_in_two_ways_is_refused_and_ends_the_connection() {
    let app = TestApp::start_alone().await;
    for head in [
        "",
        "host: a\r\nhost: b\r\n",
        "host: a\r\nhost: a\r\n",
        "host: a b\r\n",
        "host: user@a\r\n",
        "host: a/b\r\n",
        "host:\r\n",
        "host: a\r\ntransfer-encoding: gzip, chunked\r\n",
        "host: a\r\ntransfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n",
    ] {
        let mut stream = connect(&app.base).await;
        let request = format!("POST /api/v1/init HTTP/1.1\r\n{head}\r\n0\r\n\r\n");
        stream.write_all(request.as_bytes()).await.expect("sent");
        let answer = rest(&mut stream).await;
        assert_eq!(told(&answer), (400, "invalid_header".to_owned()), "{head:?}: {answer}");
        assert!(closes(&answer), "{answer}");
    }
    for head in ["host: a\r\n", "host: a:80\r\n", "host: [::1]:8089\r\n", "HOST: A.b-c.example\r\n"] {
        let mut stream = connect(&app.base).await;
        let request = format!("GET /health/live HTTP/1.1\r\n{head}\r\n");
        stream.write_all(request.as_bytes()).await.expect("sent");
        assert_eq!(told(&answer(&mut stream).await).0, 200, "{head:?}");
    }
    let mut stream = connect(&app.base).await;
    stream.write_all(b"GET /health/live HTTP/1.0\r\n\r\n").await.expect("sent");
    assert_eq!(told(&rest(&mut stream).await).0, 200, "HTTP/1.0 has no Host");
}

/// Few descriptors, and more silent connections than they are for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silent_connections_take_neither_the_descriptors_nor_the_processor() {
    let db = TestDatabase::create().await;
    let mut settings = settings_for(&db);
    settings
        .extend([("KAFKA_BROKERS", ""), ("REDIS_URL", "")].map(|(name, value)| (name.into(), value.into())));
    let plain = command(&settings, &["serve"]);
    let mut limited = Command::new("sh");
    limited.args(["-c", "ulimit -n 128 && exec \"$0\" serve"]).arg(plain.get_program());
    limited.env_clear().envs(&settings).env("PATH", "/usr/bin:/bin");
    limited.current_dir(plain.get_current_dir().expect("a directory"));
    let server = Server::of(limited);
    let customer = Customer::enabled(&server.base).await;
    let mut silent = Vec::new();
    for _ in 0..140 {
        silent.push(connect(&server.base).await);
    }
    for _ in 0..20 {
        let answered =
            timeout(WAIT_TIMEOUT, async { Customer::enabled(&server.base).await.deposit(1).await });
        assert_eq!(answered.await.expect("an answer in time").status, 201);
    }
    assert_eq!(customer.deposit(1).await.status, 201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_a_request_does_not_hold_up_the_end() {
    let db = TestDatabase::create().await;
    let mut settings = settings_for(&db);
    settings.extend(
        [("KAFKA_BROKERS", ""), ("REDIS_URL", ""), ("SHUTDOWN_TIMEOUT", "60s")]
            .map(|(name, value)| (name.into(), value.into())),
    );
    for (signal, half) in [
        ("TERM", "POST /api/v1/init HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\ncustomer"),
        ("HUP", "POST /api/v1/init HTT"),
        ("INT", ""),
    ] {
        let mut server = Server::start(&settings);
        let mut stream = connect(&server.base).await;
        stream.write_all(half.as_bytes()).await.expect("sent");
        let read = format!("{}/metrics", server.base);
        until("the connection is accepted", WAIT_TIMEOUT, async || {
            let metrics = crate::support::client::get(&read).await.ok()?.text().await.ok()?;
            metrics.contains("wallet_http_connections 2").then_some(())
        })
        .await;
        server.signal(signal);
        // Far below SHUTDOWN_TIMEOUT.
        assert!(server.ended(WAIT_TIMEOUT).success(), "{signal}");
    }
}

/// A rolling restart: what a load balancer asks says no before anything is refused, and each answer ends its connection.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_is_to_stop_is_not_ready_and_goes_on_for_a_while() {
    let db = TestDatabase::create().await;
    let mut settings = settings_for(&db);
    settings.extend(
        [("KAFKA_BROKERS", ""), ("REDIS_URL", ""), ("SHUTDOWN_DELAY", "3s")]
            .map(|(name, value)| (name.into(), value.into())),
    );
    let mut server = Server::start(&settings);
    let customer = Customer::enabled(&server.base).await;
    let ready = format!("{}/health/ready", server.base);
    assert_eq!(crate::support::client::get(&ready).await.expect("an answer").status(), 200);
    server.signal("TERM");
    until("it is not ready", WAIT_TIMEOUT, async || {
        (crate::support::client::get(&ready).await.expect("an answer").status() == 503).then_some(())
    })
    .await;
    let answer = customer.deposit(1).await;
    assert_eq!(answer.status, 201);
    let mut stream = connect(&server.base).await;
    stream.write_all(b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("sent");
    let last = rest(&mut stream).await;
    assert!(told(&last).0 == 200 && closes(&last), "{last}");
    assert!(server.ended(WAIT_TIMEOUT).success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_operators_look_at_can_have_a_port_of_its_own() {
    let app = TestApp::start_with(&[("KAFKA_BROKERS", ""), ("REDIS_URL", ""), ("ADMIN_PORT", "0")]).await;
    let customer = app.customer().await;
    assert_eq!(customer.deposit(1).await.status, 201);
    let get = async |base: &str, path: &str| {
        let answer = crate::support::client::get(format!("{base}{path}")).await.expect("an answer");
        (answer.status().as_u16(), answer.text().await.expect("its body"))
    };
    let admin = app.admin_base();
    for path in ["/metrics", "/swagger", "/swagger/index.html", "/swagger/openapi.json"] {
        assert_eq!(get(&app.base, path).await.0, 404, "{path}");
        assert_eq!(get(&admin, path).await.0, 200, "{path}");
    }
    for path in ["/health/live", "/health/ready"] {
        assert_eq!((get(&app.base, path).await.0, get(&admin, path).await.0), (200, 200), "{path}");
    }
    let (status, body) = get(&app.base, "/health").await;
    assert_eq!((status, body.as_str()), (200, r#"{"status":"success","data":{"status":"ok"}}"#));
    assert!(get(&admin, "/health").await.1.contains("queue_length"));
    assert_eq!(get(&admin, "/api/v1/errors").await.0, 404);
}

/// A misspelled `dry_run` would move money.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_query_parameter_of_a_request_that_changes_something_is_a_field_error() {
    let app = TestApp::start_alone().await;
    let (customer, other) = (app.customer().await, app.customer().await);
    assert_eq!(customer.deposit(100).await.status, 201);
    let money =
        || serde_json::json!({"amount": 1, "reference_id": Uuid::new_v4(), "recipient": other.wallet});
    for (path, query, names) in [
        ("/wallet/deposits", "Dry_run=true", vec!["Dry_run"]),
        ("/wallet/withdrawals", "dry_run=true&x=1&y", vec!["x", "y"]),
        ("/wallet/transfers", "dryrun=true", vec!["dryrun"]),
        ("/wallet", "dry_run=true", vec!["dry_run"]),
        ("/init", "customer_xid=1", vec!["customer_xid"]),
    ] {
        let answer = customer.post(&format!("{path}?{query}"), money()).await;
        assert_eq!((answer.status, answer.code()), (400, "validation_failed"), "{path}?{query}: {answer:?}");
        let errors = answer.body["data"]["error"].as_object().expect("field errors");
        assert_eq!(errors.keys().collect::<Vec<_>>(), names, "{path}?{query}");
    }
    assert_eq!(customer.balance(1).await, 100);
    assert_eq!(customer.get("/wallet?x=1").await.status, 200, "a read takes what it knows");
    assert_eq!(customer.post("/wallet/deposits?dry_run=true", money()).await.status, 200);
}
