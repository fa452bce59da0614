//! A client of the API, as customers use it.

use std::sync::LazyLock;

use reqwest::{Client, Method, Response, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

/// An answer: the status and the JSON body.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub body: Value,
    pub version: Option<i64>,
    /// Whether it is the replay of the first answer to its key.
    pub replayed: bool,
}

impl Answer {
    pub async fn of(response: Response) -> Self {
        Self::try_of(response).await.expect("an answer")
    }

    /// An error is one of the connection.
    pub async fn try_of(response: Response) -> reqwest::Result<Self> {
        let status = response.status().as_u16();
        let version = response.headers().get("wallet-version");
        let version = version.and_then(|version| version.to_str().ok()?.parse().ok());
        let replayed = response.headers().contains_key("idempotency-replayed");
        let body = response.bytes().await?;
        let body =
            serde_json::from_slice(&body).unwrap_or_else(|_| panic!("an answer is not JSON: {body:?}"));
        Ok(Self { status, body, version, replayed })
    }

    /// The code of a refusal or an error.
    pub fn code(&self) -> &str {
        self.body["data"]["code"].as_str().or_else(|| self.body["code"].as_str()).unwrap_or_default()
    }
}

static CLIENT: LazyLock<Client> = LazyLock::new(client);

/// A client without pooled connections: each test has a runtime of its own, and a connection lives in only one.
fn client() -> Client {
    crate::support::client::builder().pool_max_idle_per_host(0).build().expect("an HTTP client")
}

/// A customer with a token.
#[derive(Clone, Debug)]
pub struct Customer {
    pub base: String,
    pub xid: Uuid,
    pub token: String,
    pub wallet: Uuid,
}

impl Customer {
    /// A customer whose wallet was just enabled.
    pub async fn enabled(base: &str) -> Self {
        let mut customer = Self::init(base, Uuid::new_v4()).await;
        let enabled = customer.post("/wallet", json!({})).await;
        assert_eq!(enabled.status, 201, "{enabled:?}");
        customer.wallet = enabled.body["data"]["wallet"]["id"].as_str().unwrap().parse().unwrap();
        customer
    }

    /// A customer whose wallet is left as it is; a new one is disabled.
    pub async fn init(base: &str, xid: Uuid) -> Self {
        let request = CLIENT.post(format!("{base}/api/v1/init")).json(&json!({"customer_xid": xid}));
        let answer = Answer::of(request.send().await.expect("an answer")).await;
        assert_eq!(answer.status, u16::from(StatusCode::CREATED), "{answer:?}");
        let token = answer.body["data"]["token"].as_str().expect("a token").to_owned();
        Self { base: base.to_owned(), xid, token, wallet: Uuid::nil() }
    }

    /// The same customer, served by another process.
    pub fn at(&self, base: &str) -> Self {
        Self { base: base.to_owned(), ..self.clone() }
    }

    /// Sends a request; an error is one of the connection.
    pub async fn try_send(&self, method: Method, path: &str, body: Value) -> reqwest::Result<Answer> {
        let url = format!("{}/api/v1{path}", self.base);
        let request =
            CLIENT.request(method.clone(), url).header("authorization", format!("Token {}", self.token));
        let request = if method == Method::GET { request } else { request.json(&body) };
        Ok(Answer::of(request.send().await?).await)
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.try_send(Method::POST, path, body).await.expect("an answer")
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.try_send(Method::GET, path, Value::Null).await.expect("an answer")
    }

    pub async fn disable(&self) -> Answer {
        self.try_send(Method::PATCH, "/wallet", json!({"is_disabled": true})).await.expect("an answer")
    }

    pub async fn deposit(&self, amount: i64) -> Answer {
        self.post("/wallet/deposits", json!({"amount": amount, "reference_id": Uuid::new_v4()})).await
    }

    pub async fn withdraw(&self, amount: i64) -> Answer {
        self.post("/wallet/withdrawals", json!({"amount": amount, "reference_id": Uuid::new_v4()})).await
    }

    /// Sends a request with a key.
    pub async fn keyed(&self, path: &str, key: &str, body: &Value) -> Answer {
        let url = format!("{}/api/v1{path}", self.base);
        let request = CLIENT.post(url).header("authorization", format!("Token {}", self.token)).json(body);
        Answer::of(request.header("idempotency-key", key).send().await.expect("an answer")).await
    }

    pub async fn transfer(&self, recipient: Uuid, amount: i64) -> Answer {
        let body = json!({"recipient": recipient, "amount": amount, "reference_id": Uuid::new_v4()});
        self.post("/wallet/transfers", body).await
    }

    /// The wallet, read at `version` or later.
    pub async fn wallet_at(&self, version: i64) -> Value {
        let url = format!("{}/api/v1/wallet", self.base);
        let request = CLIENT.get(url).header("authorization", format!("Bearer {}", self.token));
        let answer =
            Answer::of(request.header("min-wallet-version", version).send().await.expect("an answer")).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.body["data"]["wallet"].clone()
    }

    /// The balance, read at `version` or later, in minor units.
    pub async fn balance(&self, version: i64) -> i64 {
        let wallet = self.wallet_at(version).await;
        wallet["balance"].as_i64().unwrap_or_else(|| panic!("{wallet}"))
    }
}
