//! The operations for operators.

use std::sync::atomic::Ordering;

use poem::http::Method;
use serde_json::json;

use super::{TestApi, request, spec};
use crate::api::{catalogue::CATALOGUE, health::HealthStatus};

#[tokio::test]
async fn health_reports_each_status() {
    let api = TestApi::new();
    let answer = api.get("/health", "").await;
    let expected = json!({"status": "success", "data": {
        "status": "ok", "queue_length": 0, "queue_max": 10, "postgres": true,
        "cache": {"kind": "in-process", "ok": true}, "bus": {"kind": "in-process", "ok": true},
        "topic_behind_ms": 0, "refresher_behind_ms": 0, "notes": [],
    }});
    assert_eq!((answer.status, answer.json()), (200, expected));
    *api.health.0.lock().unwrap() = HealthStatus::Degraded;
    let answer = api.get("/health", "").await;
    assert_eq!((answer.status, &answer.json()["data"]["status"]), (200, &json!("degraded")));
    assert_eq!(api.get("/health/ready", "").await.status, 200);

    *api.health.0.lock().unwrap() = HealthStatus::Down;
    let answer = api.get("/health", "").await;
    assert_eq!(answer.code(), (503, "unavailable".to_owned()));
    assert_eq!(answer.json()["data"]["postgres"], false);
    assert_eq!(api.get("/health/ready", "").await.code(), (503, "unavailable".to_owned()));
    assert_eq!(api.get("/health/live", "").await.status, 200);
    api.health.1.store(false, Ordering::Relaxed);
    assert_eq!(api.get("/health/live", "").await.code(), (503, "unavailable".to_owned()));
}

#[tokio::test]
async fn the_figures_are_plain_text() {
    let answer = TestApi::new().get("/metrics", "").await;
    assert_eq!((answer.status, answer.text.as_str()), (200, "wallet_up 1\n"));
    assert_eq!(answer.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
}

#[tokio::test]
async fn the_catalogue_can_be_read() {
    let answer = TestApi::new().get("/api/v1/errors", "").await;
    let errors = answer.json()["data"]["errors"].clone();
    assert_eq!(errors.as_array().unwrap().len(), CATALOGUE.len());
    let overloaded = json!({
        "code": "overloaded", "status": 503, "sentence": "Overloaded; nothing was done", "retry_may_help": true,
    });
    assert!(errors.as_array().unwrap().contains(&overloaded));
}

#[tokio::test]
async fn the_document_and_its_page_are_served() {
    let api = TestApi::new();
    let answer = api.get("/swagger/openapi.json", "").await;
    assert_eq!((answer.status, answer.text.as_str()), (200, spec()));
    assert_eq!(answer.header("content-type"), "application/json");
    for path in ["/swagger", "/swagger/", "/swagger/index.html"] {
        let page = api.send(request(Method::GET, path, "").finish()).await;
        assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"), "{path}");
        assert!(page.text.contains(spec().trim_end()), "the page shows the completed document");
    }
}
