//! Paths and methods: those that are there, and all others.

use reqwest::Method;
use serde_json::{Value, json};

use super::{
    books::books,
    wire::{Wire, names},
};
use crate::support::{app::TestApp, process::Server};

const METHODS: [&str; 9] = ["GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS", "TRACE", "BREW"];

async fn document(wire: &Wire) -> Value {
    wire.send(Method::GET, "/swagger/openapi.json", &[], vec![]).await.json()
}

#[tokio::test]
async fn an_unknown_path_is_not_found_whoever_asks_and_however() {
    let app = TestApp::start_alone().await;
    let wire = Wire::to(&app.base);
    let customer = wire.enabled().await;
    let before = books(&app.db).await;
    for path in [
        "/",
        "/api",
        "/api/v1",
        "/api/v1/",
        "/api/v1/wallet/",
        "/api/v1//wallet",
        "/api/v1/Wallet",
        "/api/v2/wallet",
        "/api/v1/wallet/deposits/1",
        "/api/v1/wallet/withdrawals/",
        "/api/v1/init/x",
        "/health/",
        "/health/dead",
        "/metrics/",
        "/swagger/x",
        "/favicon.ico",
        "/%2e%2e/etc/passwd",
        "/api/v1/wallet%00",
        "/api/v1/wallet%2Fdeposits",
        "/%ff",
    ] {
        for method in METHODS {
            for asks in [&wire, &customer] {
                let method: Method = method.parse().expect("a method");
                let body = if method == Method::TRACE { vec![] } else { b"is_disabled=true".to_vec() };
                let reply = asks.send(method.clone(), path, &[], body).await;
                assert_eq!(reply.status, 404, "{method} {path}");
                assert_eq!(reply.header("content-type"), "application/json", "{method} {path}");
                if method != Method::HEAD {
                    let expected =
                        json!({"status": "fail", "data": {"error": "Not found", "code": "not_found"}});
                    assert_eq!(reply.json(), expected, "{method} {path}");
                }
            }
        }
    }
    assert_eq!(books(&app.db).await, before);
}

#[tokio::test]
async fn a_wrong_method_hears_which_are_right() {
    let app = TestApp::start_alone().await;
    let wire = Wire::to(&app.base);
    let customer = wire.enabled().await;
    let before = books(&app.db).await;
    let document = document(&wire).await;
    let mut paths: Vec<(String, Vec<String>)> = Vec::new();
    for path in names(&document["paths"]) {
        let methods = names(&document["paths"][path]);
        paths.push((path.to_owned(), methods.iter().map(|method| method.to_uppercase()).collect()));
    }
    for page in ["/swagger", "/swagger/", "/swagger/index.html", "/swagger/openapi.json"] {
        paths.push((page.to_owned(), vec!["GET".to_owned()]));
    }
    assert_eq!(paths.len(), 37, "{paths:?}");
    for (path, mut right) in paths {
        if right.iter().any(|method| method == "GET") {
            right.push("HEAD".to_owned());
        }
        right.sort_unstable();
        for method in METHODS.into_iter().filter(|method| !right.iter().any(|known| known == method)) {
            for asks in [&wire, &customer] {
                let reply = asks.send(method.parse().expect("a method"), &path, &[], vec![]).await;
                assert_eq!(
                    (reply.status, reply.header("allow")),
                    (405, right.join(", ").as_str()),
                    "{method} {path}"
                );
                assert_eq!(reply.header("content-type"), "application/json");
                if method != "HEAD" {
                    let expected = json!({"status": "fail", "data": {"error": "Method not allowed", "code": "method_not_allowed"}});
                    assert_eq!(reply.json(), expected, "{method} {path}");
                }
            }
        }
    }
    assert_eq!(books(&app.db).await, before);
}

#[tokio::test]
async fn the_health_of_a_whole_service_is_ok() {
    let app = TestApp::start().await;
    let wire = Wire::to(&app.base);
    // The refresher counts as behind until the bus has said how far it has come.
    let report = crate::support::wait::until("all is well", std::time::Duration::from_secs(30), async || {
        let reply = wire.send(Method::GET, "/health", &[], vec![]).await;
        reply.assert_jsend();
        (reply.status == 200 && reply.json()["data"]["status"] == "ok").then(|| reply.json()["data"].clone())
    })
    .await;
    assert_eq!(
        names(&report),
        [
            "status",
            "queue_length",
            "queue_max",
            "postgres",
            "cache",
            "bus",
            "topic_behind_ms",
            "refresher_behind_ms",
            "notes"
        ]
    );
    assert_eq!(
        (&report["cache"], &report["bus"]),
        (&json!({"kind": "redis", "ok": true}), &json!({"kind": "kafka", "ok": true}))
    );
    assert_eq!(
        (&report["postgres"], &report["queue_length"], &report["notes"]),
        (&json!(true), &json!(0), &json!([]))
    );
    for path in ["/health/live", "/health/ready"] {
        let reply = wire.send(Method::GET, path, &[], vec![]).await;
        assert_eq!(
            (reply.status, reply.json()),
            (200, json!({"status": "success", "data": {"ok": true}})),
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_service_with_postgres_alone_says_what_it_lacks() {
    let app = TestApp::start_alone().await;
    let wire = Wire::to(&app.base);
    let report = crate::support::wait::until("all is well", std::time::Duration::from_secs(30), async || {
        let data = wire.send(Method::GET, "/health", &[], vec![]).await.json()["data"].clone();
        (data["status"] == "ok").then_some(data)
    })
    .await;
    assert_eq!(
        (&report["cache"]["kind"], &report["bus"]["kind"]),
        (&json!("in-process"), &json!("in-process"))
    );
    let notes = report["notes"].as_array().expect("notes");
    assert!(
        notes.iter().any(|note| note.as_str().is_some_and(|note| note.contains("KAFKA_BROKERS"))),
        "{notes:?}"
    );
    assert!(
        notes.iter().any(|note| note.as_str().is_some_and(|note| note.contains("REDIS_URL"))),
        "{notes:?}"
    );
}

#[tokio::test]
async fn the_figures_tell_of_requests_and_of_batches() {
    let app = TestApp::start_alone().await;
    let server = Server::start(&app.settings);
    let wire = Wire::to(&server.base);
    let customer = wire.enabled().await;
    assert_eq!(customer.deposit(5).await.status, 201);
    assert_eq!(customer.get("/wallet").await.status, 200);
    assert_eq!(wire.get("/nowhere/4b01c9bb-3acd-47dc-87db-53e95a7d4d9c").await.status, 404);
    let reply = wire.send(Method::GET, "/metrics", &[], vec![]).await;
    assert_eq!(
        (reply.status, reply.header("content-type")),
        (200, "text/plain; version=0.0.4; charset=utf-8")
    );
    for beginning in [
        "http_requests_total{route=\"/api/v1/wallet/deposits\",method=\"POST\",status=\"201\"} 1",
        "http_requests_total{route=\"unknown\",method=\"GET\",status=\"404\"} 1",
        "http_request_duration_seconds_bucket{",
        "wallet_batch_operations_bucket{",
        "wallet_batch_wait_seconds_bucket{",
        "wallet_lock_seconds_bucket{",
        "wallet_commit_seconds_bucket{",
        "wallet_balance_reads_total{",
    ] {
        assert!(reply.text.lines().any(|line| line.starts_with(beginning)), "{beginning}\n{}", reply.text);
    }
    assert!(!reply.text.contains("4b01c9bb"), "what callers write makes no series");
}

#[tokio::test]
async fn the_document_and_its_page_are_served() {
    let app = TestApp::start_alone().await;
    let wire = Wire::to(&app.base);
    let json = wire.send(Method::GET, "/swagger/openapi.json", &[], vec![]).await;
    assert_eq!((json.status, json.header("content-type")), (200, "application/json"));
    assert_eq!(json.text, include_str!("../../../swagger/openapi.json"));
    let mut pages = Vec::new();
    for path in ["/swagger", "/swagger/", "/swagger/index.html"] {
        let page = wire.send(Method::GET, path, &[], vec![]).await;
        assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"), "{path}");
        assert!(page.text.contains("/api/v1/wallet/withdrawals"), "{path} holds the document");
        pages.push(page.text);
    }
    assert!(pages[0] == pages[1] && pages[1] == pages[2]);
}

#[tokio::test]
async fn the_catalogue_is_the_documented_one() {
    let app = TestApp::start_alone().await;
    let reply = Wire::to(&app.base).get("/errors").await;
    reply.assert_jsend();
    assert_eq!(reply.status, 200);
    let body = reply.json();
    let errors = body["data"]["errors"].as_array().expect("a list");
    let rows: Vec<String> = errors
        .iter()
        .map(|error| {
            assert_eq!(names(error), ["code", "status", "sentence", "retry_may_help"]);
            let retry = if error["retry_may_help"] == json!(true) { "yes" } else { "no" };
            let text = |name: &str| error[name].as_str().expect("text").to_owned();
            format!("| `{}` | {} | {} | {retry} |", text("code"), error["status"], text("sentence"))
        })
        .collect();
    let documented: Vec<_> =
        include_str!("../../../docs/errors.md").lines().filter(|line| line.starts_with("| `")).collect();
    assert_eq!(rows, documented);
}
