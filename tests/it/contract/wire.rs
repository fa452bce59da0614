//! A client that can say anything, right or wrong, and keeps the whole answer.

use std::{
    io::{Read, Write},
    net::TcpStream,
    sync::LazyLock,
    time::Duration,
};

use reqwest::{Client, Method, header::HeaderMap};
use serde_json::{Value, json};
use tokio::task::spawn_blocking;
use uuid::Uuid;

/// Without kept connections: each test has a runtime of its own, and a connection lives in only one.
static CLIENT: LazyLock<Client> = LazyLock::new(|| {
    crate::support::client::builder().pool_max_idle_per_host(0).no_proxy().build().expect("an HTTP client")
});

/// An answer as it came.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

/// Who asks, and whom.
#[derive(Clone, Debug)]
pub struct Wire {
    pub base: String,
    /// What stands in `Authorization`.
    pub authorization: Option<String>,
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// A header; nothing if it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("a header is text"))
    }

    /// The status and the stable word.
    pub fn code(&self) -> (u16, String) {
        let body = self.json();
        let code = body["data"]["code"].as_str().or_else(|| body["code"].as_str());
        (self.status, code.unwrap_or_default().to_owned())
    }

    /// What an error says of itself.
    pub fn error(&self) -> Value {
        self.json()["data"]["error"].clone()
    }

    /// Holds an answer to what all answers of the API have in common.
    pub fn assert_jsend(&self) {
        assert_eq!(self.header("content-type"), "application/json", "{self:?}");
        assert_ne!(self.header("x-request-id"), "", "{self:?}");
        let body = self.json();
        let names = names(&body);
        match self.status {
            200..=299 => {
                assert_eq!((names, &body["status"]), (vec!["status", "data"], &json!("success")), "{self:?}");
                assert!(body["data"].is_object(), "{self:?}");
            }
            400..=499 => {
                assert_eq!((names, &body["status"]), (vec!["status", "data"], &json!("fail")), "{self:?}");
                let error = &body["data"]["error"];
                assert!(error.is_string() || error.is_object(), "{self:?}");
                assert!(body["data"]["code"].is_string(), "{self:?}");
            }
            500..=599 => {
                assert_eq!((&names[..2], &body["status"]), (&["status", "message"][..], &json!("error")));
                assert!(body["code"].is_string(), "{self:?}");
            }
            _ => panic!("neither success, fail nor error: {self:?}"),
        }
    }
}

impl Wire {
    /// Nobody yet.
    pub fn to(base: &str) -> Self {
        Self { base: base.to_owned(), authorization: None }
    }

    /// The same service, asked by somebody.
    pub fn by(&self, authorization: impl Into<String>) -> Self {
        Self { base: self.base.clone(), authorization: Some(authorization.into()) }
    }

    /// A new customer, whose wallet is still disabled.
    pub async fn customer(&self) -> (Uuid, Self) {
        let xid = Uuid::new_v4();
        (xid, self.customer_named(xid).await)
    }

    /// A new customer with an enabled wallet.
    pub async fn enabled(&self) -> Self {
        let (_, customer) = self.customer().await;
        assert_eq!(customer.post("/wallet", "", "").await.status, 201);
        customer
    }

    pub async fn customer_named(&self, xid: Uuid) -> Self {
        let answer = self.form("/init", &[("customer_xid", &xid.to_string())]).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        let body = answer.json();
        self.by(format!("Token {}", body["data"]["token"].as_str().expect("a token")))
    }

    /// Any request; the path begins with a slash and is taken from the root.
    pub async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Reply {
        let mut request = CLIENT.request(method, format!("{}{path}", self.base));
        if let Some(authorization) = &self.authorization {
            request = request.header("authorization", authorization);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = if body.is_empty() { request } else { request.body(body) };
        let response = request.send().await.expect("an answer");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Reply { status, headers, text: response.text().await.expect("text") }
    }

    /// A request to the API with a body of some kind.
    pub async fn api(&self, method: Method, path: &str, kind: &str, body: impl Into<Vec<u8>>) -> Reply {
        let headers = [("content-type", kind)];
        let headers = if kind.is_empty() { &[][..] } else { &headers[..] };
        self.send(method, &format!("/api/v1{path}"), headers, body.into()).await
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.api(Method::GET, path, "", "").await
    }

    pub async fn post(&self, path: &str, kind: &str, body: impl Into<Vec<u8>>) -> Reply {
        self.api(Method::POST, path, kind, body).await
    }

    /// Sends a form.
    pub async fn form(&self, path: &str, fields: &[(&str, &str)]) -> Reply {
        let body = serde_urlencoded::to_string(fields).expect("a form");
        self.post(path, "application/x-www-form-urlencoded", body).await
    }

    /// Brings money in, under a reference that nobody else uses.
    pub async fn deposit(&self, amount: i64) -> Reply {
        let reference = Uuid::new_v4().to_string();
        self.form("/wallet/deposits", &[("amount", &amount.to_string()), ("reference_id", &reference)]).await
    }

    pub async fn withdraw(&self, amount: i64, reference: Uuid) -> Reply {
        let (amount, reference) = (amount.to_string(), reference.to_string());
        self.form("/wallet/withdrawals", &[("amount", &amount), ("reference_id", &reference)]).await
    }

    pub async fn disable(&self) -> Reply {
        self.api(Method::PATCH, "/wallet", "application/x-www-form-urlencoded", "is_disabled=true").await
    }

    /// Sends these very bytes, and reads until the server closes or says no more.
    pub async fn raw(&self, bytes: impl Into<Vec<u8>>) -> Reply {
        let (address, bytes) = (self.base.trim_start_matches("http://").to_owned(), bytes.into());
        let answer = spawn_blocking(move || {
            let mut stream = TcpStream::connect(address).expect("a connection");
            stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a time limit");
            // A server that has answered already may close while we still write.
            let _ = stream.write_all(&bytes);
            let mut answer = Vec::new();
            let _ = stream.read_to_end(&mut answer);
            answer
        });
        parsed(&answer.await.expect("the exchange"))
    }
}

/// An answer out of its bytes; the body is taken as it stands there.
fn parsed(bytes: &[u8]) -> Reply {
    let text = String::from_utf8_lossy(bytes).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {text:?}"));
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).expect("a status");
    let mut headers = HeaderMap::new();
    for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
        headers.append(
            reqwest::header::HeaderName::from_bytes(name.as_bytes()).expect("a header's name"),
            value.parse().expect("a header's value"),
        );
    }
    Reply { status, headers, text: body.to_owned() }
}

/// The names in an object, in the order in which they stand.
pub fn names(object: &Value) -> Vec<&str> {
    object.as_object().unwrap_or_else(|| panic!("no object: {object}")).keys().map(String::as_str).collect()
}

/// Holds a text to RFC 3339 in UTC with milliseconds, and answers how long ago it was.
pub fn age_of(moment: &Value) -> chrono::TimeDelta {
    let text = moment.as_str().unwrap_or_else(|| panic!("no moment: {moment}"));
    assert_eq!((text.len(), &text[19..20], &text[23..]), (24, ".", "Z"), "{text}");
    let moment = chrono::DateTime::parse_from_rfc3339(text).expect("RFC 3339");
    chrono::Utc::now() - moment.to_utc()
}

/// Holds a value to an id as we make them.
pub fn assert_own_id(id: &Value) {
    let id: Uuid = id.as_str().and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("no UUID: {id}"));
    assert_eq!(id.get_version_num(), 7);
}
