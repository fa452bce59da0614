//! The room from outside, with fakes behind it: requests go in, answers come out. Every answer is held to what all
//! answers have in common, and every error to what the OpenAPI document says of its operation.

mod access;
mod bodies;
mod document;
mod encodings;
mod exercise;
mod fakes;
mod fields;
mod keys;
mod manners;
mod operation;
mod top_transfers;
mod transfers;

use std::sync::{Arc, Mutex};

use poem::{
    Body, Endpoint, Request, Response,
    endpoint::BoxEndpoint,
    http::{HeaderMap, HeaderValue, Method, header},
};
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use self::fakes::{FakeHealth, FakeIdentity, FakeWallets, StoppedClock};
use super::{Parts, ServiceKey, catalogue::CATALOGUE, health::HealthStatus, spec};
use crate::{
    accounts::AccountError,
    limits::{Limits, Quotas, TrustedProxies},
};

/// The room and what is behind it.
struct Room {
    wallets: Arc<FakeWallets>,
    health: Arc<FakeHealth>,
    endpoint: BoxEndpoint<'static, Response>,
}

/// An answer, read to its end.
struct Answer {
    status: u16,
    headers: HeaderMap,
    text: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("not JSON: {}", self.text))
    }

    /// The status and the code.
    fn code(&self) -> (u16, String) {
        let json = self.json();
        let code = json["data"]["code"].as_str().or(json["code"].as_str());
        (self.status, code.unwrap_or_else(|| panic!("no code in {json}")).to_owned())
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// What is said of each wrong field.
    fn fields(&self) -> Value {
        assert_eq!(self.code(), (400, "validation_failed".to_owned()));
        self.json()["data"]["error"].clone()
    }
}

impl Room {
    fn new() -> Self {
        Self::with_key(None)
    }

    fn with_key(key: Option<&str>) -> Self {
        Self::with(key, &Quotas::default())
    }

    fn with(key: Option<&str>, quotas: &Quotas) -> Self {
        let wallets = Arc::new(FakeWallets::default());
        let health = Arc::new(FakeHealth(Mutex::new(HealthStatus::Ok), true.into()));
        let parts = Parts {
            accounts: wallets.clone(),
            payments: wallets.clone(),
            identity: Arc::new(FakeIdentity(wallets.clone())),
            health: health.clone(),
            metrics: Arc::new(|| "wallet_up 1\n".to_owned()),
            service_key: key.map(ServiceKey::new),
            limits: Arc::new(Limits::new(quotas, Arc::new(StoppedClock))),
            proxies: TrustedProxies::default(),
            stopping: CancellationToken::new(),
        };
        Self { wallets, health, endpoint: super::build(parts, false).public }
    }

    /// A new customer with an enabled wallet that holds `balance`; gives the token.
    async fn customer(&self, balance: i64) -> String {
        let token = self.disabled_customer().await;
        assert_eq!(self.post("/api/v1/wallet", &token, "").await.status, 201);
        if balance > 0 {
            let body = format!("amount={balance}&reference_id={}", Uuid::now_v7());
            assert_eq!(self.post("/api/v1/wallet/deposits", &token, &body).await.status, 201);
        }
        token
    }

    async fn disabled_customer(&self) -> String {
        let answer = self.post("/api/v1/init", "", &format!("customer_xid={}", Uuid::now_v7())).await;
        assert_eq!(answer.status, 201);
        answer.json()["data"]["token"].as_str().unwrap().to_owned()
    }

    fn trouble(&self, trouble: impl FnOnce() -> AccountError + Send + 'static) {
        *self.wallets.trouble.lock().unwrap() = Some(Box::new(trouble));
    }

    async fn get(&self, path: &str, token: &str) -> Answer {
        self.send(request(Method::GET, path, token).finish()).await
    }

    /// Sends a form.
    async fn post(&self, path: &str, token: &str, form: &str) -> Answer {
        let request = request(Method::POST, path, token).content_type("application/x-www-form-urlencoded");
        self.send(request.body(form.to_owned())).await
    }

    async fn send(&self, mut request: Request) -> Answer {
        request.headers_mut().entry(header::HOST).or_insert(HeaderValue::from_static("wallet.test"));
        let asked = (request.method().clone(), request.uri().path().to_owned());
        let mut response = self.endpoint.get_response(request).await;
        let text = response.take_body().into_string().await.unwrap();
        let answer = Answer { status: response.status().as_u16(), headers: response.headers().clone(), text };
        hold_to_manners(&asked.0, &asked.1, &answer);
        answer
    }
}

fn request(method: Method, path: &str, token: &str) -> poem::RequestBuilder {
    let request = Request::builder().method(method).uri_str(path);
    if token.is_empty() { request } else { request.header("authorization", format!("Bearer {token}")) }
}

/// A body that comes in pieces, without a length.
fn chunked(pieces: Vec<Vec<u8>>) -> Body {
    Body::from_bytes_stream(futures_util::stream::iter(pieces.into_iter().map(Ok::<_, std::io::Error>)))
}

/// What all answers have in common.
fn hold_to_manners(method: &Method, path: &str, answer: &Answer) {
    assert!(!answer.header("x-request-id").is_empty(), "{path}");
    assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
    if path.starts_with("/api/") {
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
    }
    if answer.status < 400 && !path.starts_with("/api/") {
        return;
    }
    assert_eq!(answer.header("content-type"), "application/json", "{path}");
    let json = answer.json();
    let keys: Vec<_> = json.as_object().unwrap().keys().map(String::as_str).collect();
    match answer.status {
        200..300 => assert_eq!((keys, json["status"].as_str()), (vec!["status", "data"], Some("success"))),
        400..500 => assert_eq!((keys, json["status"].as_str()), (vec!["status", "data"], Some("fail"))),
        _ => assert_eq!(
            (&keys[..3], json["status"].as_str()),
            (&["status", "message", "code"][..], Some("error"))
        ),
    }
    if answer.status >= 400 {
        hold_to_the_document(method, path, answer);
    }
}

/// The code has its status, and where the operation exists it is one of those that the document names.
fn hold_to_the_document(method: &Method, path: &str, answer: &Answer) {
    let (status, code) = answer.code();
    let entry = CATALOGUE.iter().find(|entry| entry.name == code).expect("a code of the catalogue");
    assert_eq!(entry.status.as_u16(), status);
    let is_challenged = status == 401 || code == "insufficient_scope";
    assert_eq!(answer.header("www-authenticate").is_empty(), !is_challenged);
    if status == 429 {
        assert!(answer.header("retry-after").parse::<u32>().is_ok_and(|seconds| seconds > 0));
    } else {
        assert_eq!(answer.header("retry-after"), if status == 503 { "1" } else { "" });
    }
    assert_eq!(answer.header("allow").is_empty(), status != 405);
    let document: Value = serde_json::from_str(spec()).unwrap();
    let method = if method == Method::HEAD { "get".to_owned() } else { method.as_str().to_lowercase() };
    if let Some(operation) = document["paths"].get(path).and_then(|path| path.get(method)) {
        let examples = &operation["responses"][status.to_string()]["content"]["application/json"]["examples"];
        assert!(examples.get(&code).is_some(), "the document does not name {code} for {path}");
    }
}
