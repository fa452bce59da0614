//! The API over scripted services: which calls a request makes, and how their answers are shown. Every response is compared
//! with the conventions of all responses, and every error with what the OpenAPI document says of its operation.

mod access;
mod answers;
mod bodies;
mod conventions;
mod document;
mod encodings;
mod exercise;
mod fields;
mod history;
mod holds;
mod keys;
mod operation;
mod payouts;
mod people;
mod releases;
mod services;
mod stubs;
mod top_transfers;
mod transfers;

use std::{
    any::Any,
    sync::{Arc, Mutex},
};

use poem::{
    Body, Endpoint, Request, Response,
    endpoint::BoxEndpoint,
    http::{HeaderMap, HeaderValue, Method, header},
};
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use self::{
    services::{Call, ScriptedServices},
    stubs::{EveryCallback, StoppedClock, StubHealth, StubIdentity, StubPeople},
};
use super::{Dependencies, ServiceKey, catalogue::CATALOGUE, health::HealthStatus, spec};
use crate::{
    accounts::AccountError,
    limits::{Limits, Quotas, TrustedProxies},
    payments::{Mode, Order},
};

/// The API and what is behind it.
struct TestApi {
    services: Arc<ScriptedServices>,
    health: Arc<StubHealth>,
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

    /// The messages of each wrong field.
    fn fields(&self) -> Value {
        assert_eq!(self.code(), (400, "validation_failed".to_owned()));
        self.json()["data"]["error"].clone()
    }
}

impl TestApi {
    fn new() -> Self {
        Self::with_key(None)
    }

    fn with_key(key: Option<&str>) -> Self {
        Self::with(key, &Quotas::default())
    }

    fn with(key: Option<&str>, quotas: &Quotas) -> Self {
        let services = Arc::new(ScriptedServices::default());
        let health = Arc::new(StubHealth(Mutex::new(HealthStatus::Ok), true.into()));
        let dependencies = Dependencies {
            accounts: services.clone(),
            payments: services.clone(),
            payouts: services.clone(),
            callback_verifier: Some(Arc::new(EveryCallback)),
            identity: Arc::new(StubIdentity(services.clone())),
            users: Arc::new(StubPeople),
            sessions: Arc::new(StubPeople),
            health: health.clone(),
            metrics: Arc::new(|| "wallet_up 1\n".to_owned()),
            service_key: key.map(ServiceKey::new),
            limits: Arc::new(Limits::new(quotas, Arc::new(StoppedClock))),
            proxies: TrustedProxies::default(),
            stopping: CancellationToken::new(),
        };
        Self { services, health, endpoint: super::build(dependencies, false).public }
    }

    /// A customer's token.
    fn customer(&self) -> String {
        Uuid::now_v7().to_string()
    }

    /// Adds the answer to the next call of a service that has none yet.
    fn script<T: Any>(&self, answer: impl FnOnce() -> Result<T, AccountError> + Send + 'static) {
        self.services.script(answer);
    }

    /// What payments were asked since the last time.
    fn orders(&self) -> Vec<(Order, Mode)> {
        let order = |call| match call {
            Call::Payment(order, mode) => Some((order, mode)),
            _ => None,
        };
        self.services.calls().into_iter().filter_map(order).collect()
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
        let sent = (request.method().clone(), request.uri().path().to_owned());
        let mut response = self.endpoint.get_response(request).await;
        let text = response.take_body().into_string().await.unwrap();
        let answer = Answer { status: response.status().as_u16(), headers: response.headers().clone(), text };
        assert_response_conventions(&sent.0, &sent.1, &answer);
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

/// What all responses have in common.
fn assert_response_conventions(method: &Method, path: &str, answer: &Answer) {
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
        assert_documented(method, path, answer);
    }
}

/// The code has its status, and where the operation exists it is one of those that the document names.
fn assert_documented(method: &Method, path: &str, answer: &Answer) {
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
