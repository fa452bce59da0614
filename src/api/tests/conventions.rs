//! The conventions of every response.

use poem::http::Method;
use serde_json::json;
use uuid::Uuid;

use super::{TestApi, request};
use crate::{accounts::AccountError, ledger::LedgerError};

#[tokio::test]
async fn an_unknown_path_is_not_found() {
    let api = TestApi::new();
    for path in [
        "/",
        "/api",
        "/api/",
        "/api/v1",
        "/api/v1/",
        "/api/v1/wallet/",
        "/api/v1//wallet",
        "/API/V1/WALLET",
        "/api/v1/wallet/deposits/1",
        "/api/v2/wallet",
        "/health/",
        "/swagger/x",
        "/%ff",
        "/api/v1/%00",
        "/index.html",
        "/../etc/passwd",
        "/api/v1/wallet%2F",
    ] {
        for method in [Method::GET, Method::POST, Method::HEAD, Method::OPTIONS] {
            let answer = api.send(request(method, path, "").finish()).await;
            let expected = json!({"status": "fail", "data": {"error": "Not found", "code": "not_found"}});
            assert_eq!((answer.status, answer.json()), (404, expected), "{path}");
        }
    }
}

#[tokio::test]
async fn a_wrong_method_is_answered_with_the_right_ones() {
    let api = TestApi::new();
    for (path, right) in [
        ("/api/v1/init", "POST"),
        ("/api/v1/wallet", "GET, HEAD, PATCH, POST"),
        ("/api/v1/wallet/deposits", "POST"),
        ("/api/v1/wallet/withdrawals", "POST"),
        ("/api/v1/wallet/transactions", "GET, HEAD"),
        ("/api/v1/wallet/top-transfers", "GET, HEAD"),
        ("/api/v1/errors", "GET, HEAD"),
        ("/health", "GET, HEAD"),
        ("/health/live", "GET, HEAD"),
        ("/health/ready", "GET, HEAD"),
        ("/metrics", "GET, HEAD"),
        ("/swagger", "GET, HEAD"),
        ("/swagger/openapi.json", "GET, HEAD"),
    ] {
        for method in ["GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS", "TRACE", "BREW"] {
            if right.split(", ").any(|known| known == method) {
                continue;
            }
            let answer = api.send(request(method.parse().unwrap(), path, "").body("x")).await;
            assert_eq!(answer.code(), (405, "method_not_allowed".to_owned()), "{method} {path}");
            assert_eq!(answer.header("allow"), right, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn head_is_answered_as_get() {
    let api = TestApi::new();
    let token = api.customer();
    for path in ["/api/v1/wallet", "/api/v1/wallet/transactions", "/api/v1/errors", "/health", "/metrics"] {
        let get = api.get(path, &token).await;
        let head = api.send(request(Method::HEAD, path, &token).finish()).await;
        assert_eq!((get.status, head.status), (200, 200), "{path}");
        assert_eq!(get.header("wallet-version"), head.header("wallet-version"), "{path}");
    }
    assert_eq!(api.send(request(Method::HEAD, "/api/v1/wallet", "").finish()).await.status, 401);
}

#[tokio::test]
async fn a_sane_request_id_is_kept_and_another_replaced() {
    let api = TestApi::new();
    let longest = "x".repeat(128);
    for sane in ["a", "A-z_0.9", "7c9e6679-7425-40de-944b-e07fc1f90ae7", longest.as_str()] {
        for path in ["/api/v1/errors", "/nowhere", "/api/v1/wallet"] {
            let answer = api.send(request(Method::GET, path, "").header("x-request-id", sane).finish()).await;
            assert_eq!(answer.header("x-request-id"), sane, "{path}");
        }
    }
    let too_long = "x".repeat(129);
    for odd in ["", " ", "a b", "a/b", "a\"b", "<script>", "a:b", too_long.as_str(), "ümlaut"] {
        let answer =
            api.send(request(Method::GET, "/api/v1/errors", "").header("x-request-id", odd).finish()).await;
        let made = Uuid::try_parse(answer.header("x-request-id")).unwrap();
        assert_eq!(made.get_version_num(), 7, "{odd}");
    }
}

#[tokio::test]
async fn an_internal_error_shows_its_code_and_nothing_else() {
    let api = TestApi::new();
    let token = api.customer();
    let secret = || "host=db-1 password=hunter2".to_owned();
    let ledger = [
        (LedgerError::Overloaded, 503, "overloaded"),
        (LedgerError::Unavailable, 503, "unavailable"),
        (LedgerError::OutcomeUnknown, 503, "outcome_unknown"),
        (LedgerError::Internal(secret()), 500, "internal"),
    ];
    for (error, status, code) in ledger {
        let form = format!("amount=1&reference_id={}", Uuid::now_v7());
        api.services.script::<()>(move || Err(AccountError::Ledger(error)));
        let answer = api.post("/api/v1/wallet/deposits", &token, &form).await;
        assert_eq!(answer.code(), (status, code.to_owned()));
        assert!(!answer.text.contains("hunter2"));
    }
    api.services.script::<()>(|| Err(AccountError::Ledger(LedgerError::Unavailable)));
    let init = api.post("/api/v1/init", "", &format!("customer_xid={}", Uuid::now_v7())).await;
    let message = "The service is not available; nothing was done";
    assert_eq!(init.json(), json!({"status": "error", "message": message, "code": "unavailable"}));
}

#[tokio::test]
async fn a_panic_is_an_answer_and_the_next_request_is_served() {
    let api = TestApi::new();
    let token = api.customer();
    api.services.script::<()>(|| panic!("hunter2"));
    let request = request(Method::GET, "/api/v1/wallet", &token).header("x-request-id", "here");
    let answer = api.send(request.finish()).await;
    assert_eq!((answer.code(), answer.header("x-request-id")), ((500, "internal".to_owned()), "here"));
    assert!(!answer.text.contains("hunter2"));
    assert_eq!(api.get("/api/v1/wallet", &token).await.status, 200);
}
