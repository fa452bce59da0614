//! Who may do what, over the whole service. The operations come from the document: a new one is held to this too.

mod forgeries;

use jsonwebtoken::Algorithm;
use reqwest::Method;
use serde_json::json;
use uuid::Uuid;

use self::forgeries::{SECRET, claims, forgeries, signed, with};
use crate::{
    contract::{
        books::books,
        wire::{Reply, Wire, names},
    },
    support::app::{PRODUCTION, TestApp},
};

/// An operation that needs a customer's token.
#[derive(Debug)]
struct Protected {
    method: Method,
    path: String,
}

impl Protected {
    /// Asks with a body that every operation understands; it names whatever could be named of `about`.
    async fn ask(&self, wire: &Wire, about: &Victim) -> Reply {
        let body = json!({
            "amount": 1, "reference_id": Uuid::new_v4(), "recipient": Uuid::new_v4(), "is_disabled": true, "customer_xid": about.xid, "xid": about.xid,
            "wallet": about.wallet, "wallet_id": about.wallet, "id": about.wallet, "owned_by": about.xid,
            "bank_code": "044", "account_number": "0532013000", "account_name": "Ada Obi",
        });
        let path = self.path.replace("{id}", &about.transaction);
        // A request that changes something may carry no parameter that its operation does not have.
        let query = format!("?wallet={}&customer_xid={}", about.wallet, about.xid);
        let path = if self.method == Method::GET { path + &query } else { path };
        let wallet = about.wallet.as_str();
        let headers =
            [("content-type", "application/json"), ("x-wallet-id", wallet), ("cookie", about.token.as_str())];
        let body = if self.method == Method::GET { vec![] } else { body.to_string().into_bytes() };
        wire.send(self.method.clone(), &path, &headers, body).await
    }
}

/// Somebody whose money is none of the others' business.
struct Victim {
    xid: String,
    wallet: String,
    transaction: String,
    token: String,
    wire: Wire,
}

const FORTUNE: i64 = 7_654_321;

async fn victim(wire: &Wire) -> Victim {
    let (xid, customer) = wire.customer().await;
    let enabled = customer.post("/wallet", "", "").await;
    let deposited = customer.deposit(FORTUNE).await.json()["data"]["deposit"].clone();
    let transaction = deposited["id"].as_str().expect("an id").to_owned();
    let wallet = enabled.json()["data"]["wallet"]["id"].as_str().expect("an id").to_owned();
    let token = token_of(&customer).to_owned();
    Victim { xid: xid.to_string(), wallet, transaction, token, wire: customer }
}

fn token_of(wire: &Wire) -> &str {
    let authorization = wire.authorization.as_deref().expect("somebody");
    authorization.split_once(' ').expect("a scheme").1
}

async fn start() -> TestApp {
    // A bank that cannot be reached: payouts may be requested, and stay pending.
    TestApp::start_with(&[("JWT_SECRET", SECRET), ("BANK_URL", "http://127.0.0.1:9")]).await
}

/// Every operation of the document that names a customer's token among what it needs.
async fn protected(wire: &Wire) -> Vec<Protected> {
    let document = wire.send(Method::GET, "/swagger/openapi.json", &[], vec![]).await.json();
    let mut found = Vec::new();
    for path in names(&document["paths"]) {
        for method in names(&document["paths"][path]) {
            let security =
                document["paths"][path][method]["security"].as_array().cloned().unwrap_or_default();
            if security.iter().any(|way| way.get("Bearer").is_some() || way.get("Token").is_some()) {
                let method = method.to_uppercase().parse().expect("a method");
                found.push(Protected { method, path: path.to_owned() });
            }
        }
    }
    assert!(found.len() >= 6, "{found:?}");
    found
}

#[tokio::test]
async fn without_a_right_token_every_protected_operation_says_the_same() {
    let app = start().await;
    let wire = Wire::to(&app.base);
    let victim = victim(&wire).await;
    let before = books(&app.db).await;
    let forgeries = forgeries(&victim.token);
    let good = &victim.token;
    let mut wrong: Vec<(&str, Option<String>)> = vec![
        ("nothing", None),
        ("empty", Some(String::new())),
        ("no scheme", Some(good.clone())),
        ("another scheme", Some(format!("Basic {good}"))),
        ("no token", Some("Token".to_owned())),
        ("two tokens", Some(format!("Token {good} {good}"))),
        ("no space", Some(format!("Bearer{good}"))),
    ];
    for (what, token) in &forgeries {
        wrong.extend(["Token", "Bearer"].map(|scheme| (*what, Some(format!("{scheme} {token}")))));
    }
    let expected = "{\"status\":\"fail\",\"data\":{\"error\":\"Unauthorized\",\"code\":\"unauthorized\"}}";
    for operation in protected(&wire).await {
        for (what, authorization) in &wrong {
            let asks = Wire { authorization: authorization.clone(), ..wire.clone() };
            let reply = operation.ask(&asks, &victim).await;
            assert_eq!((reply.status, reply.text.as_str()), (401, expected), "{what}: {operation:?}");
            let scheme = authorization.as_deref().unwrap_or_default().split(' ').next().unwrap_or_default();
            let challenge = match scheme {
                "Token" | "Bearer" => "Bearer realm=\"wallet\", error=\"invalid_token\"",
                _ => "Bearer realm=\"wallet\"",
            };
            assert_eq!(reply.header("www-authenticate"), challenge, "{what}: {operation:?}");
            let mut names: Vec<_> = reply.headers.keys().map(|name| name.as_str().to_owned()).collect();
            names.sort_unstable();
            let all = [
                "cache-control",
                "content-length",
                "content-type",
                "date",
                "www-authenticate",
                "x-content-type-options",
                "x-request-id",
            ];
            assert_eq!(names, all, "{what}: {operation:?}");
        }
    }
    assert_eq!(books(&app.db).await, before);
    // The same claims, rightly signed by hand: what was refused above was refused for the one thing that was wrong.
    let by_hand = signed(Algorithm::HS256, SECRET, &claims(good));
    assert_eq!(wire.by(format!("Token {by_hand}")).get("/wallet").await.status, 200);
}

#[tokio::test]
async fn a_token_ends_when_it_says_so() {
    let app = TestApp::start_with(&[("JWT_SECRET", SECRET), ("JWT_TTL", "5s")]).await;
    let wire = Wire::to(&app.base);
    let (xid, customer) = wire.customer().await;
    let end = claims(token_of(&customer))["exp"].as_i64().expect("an end");
    assert_eq!(customer.post("/wallet", "", "").await.status, 201);
    while chrono::Utc::now().timestamp() < end {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let reply = customer.get("/wallet").await;
    assert_eq!(reply.code(), (401, "unauthorized".to_owned()), "also one that was good a moment ago");
    assert_eq!(wire.customer_named(xid).await.get("/wallet").await.status, 200, "and another is to be had");
}

#[tokio::test]
async fn a_customer_sees_and_moves_its_own_money_only() {
    let app = start().await;
    let wire = Wire::to(&app.base);
    let victim = victim(&wire).await;
    let state = "select jsonb_build_array(w, (select count(*) from entries e where e.wallet_id = w.id), \
                 (select count(*) from status_changes s where s.wallet_id = w.id))::text from wallets w where id = $1::uuid";
    let of_victim = async || -> String {
        let mut conn = app.db.connect().await;
        sqlx::query_scalar(state).bind(&victim.wallet).fetch_one(&mut conn).await.expect("the wallet")
    };
    let before = of_victim().await;
    for is_enabled in [true, false] {
        for operation in protected(&wire).await {
            let (xid, other) = wire.customer().await;
            let own = if is_enabled {
                let enabled = other.post("/wallet", "", "").await;
                assert_eq!(other.deposit(50).await.status, 201);
                enabled.json()["data"]["wallet"]["id"].as_str().map(str::to_owned)
            } else {
                None
            };
            let reply = operation.ask(&other, &victim).await;
            assert_ne!(reply.status, 401, "{operation:?}");
            for secret in [&victim.wallet, &victim.xid, &FORTUNE.to_string()] {
                assert!(!reply.text.contains(secret.as_str()), "{operation:?}: {reply:?}");
            }
            let body = reply.json();
            for part in ["wallet", "deposit", "withdrawal"].map(|noun| &body["data"][noun]) {
                for name in ["owned_by", "deposited_by", "withdrawn_by"] {
                    assert!(part[name].is_null() || part[name] == json!(xid), "{operation:?}: {reply:?}");
                }
            }
            let seen = &body["data"]["wallet"]["id"];
            assert!(own.is_none() || seen.is_null() || *seen == json!(own), "{operation:?}: {reply:?}");
        }
    }
    assert_eq!(of_victim().await, before);
    assert_eq!(victim.wire.get("/wallet").await.json()["data"]["wallet"]["balance"], json!(FORTUNE));
}

#[tokio::test]
async fn a_token_of_another_installation_finds_nothing() {
    let app = start().await;
    let wire = Wire::to(&app.base);
    let victim = victim(&wire).await;
    let stray = with(&claims(&victim.token), json!({"wallet": Uuid::now_v7()}));
    let stray = wire.by(format!("Token {}", signed(Algorithm::HS256, SECRET, &stray)));
    let of_wallets = |operation: &Protected| operation.path.contains("/wallet");
    for operation in protected(&wire).await.into_iter().filter(of_wallets) {
        let reply = operation.ask(&stray, &victim).await;
        assert_eq!(reply.code(), (404, "not_found".to_owned()), "{operation:?}");
    }
    let without = with(&claims(&victim.token), json!({"scope": ""}));
    let without = wire.by(format!("Token {}", signed(Algorithm::HS256, SECRET, &without)));
    for operation in protected(&wire).await {
        let reply = operation.ask(&without, &victim).await;
        assert_eq!(reply.code(), (403, "insufficient_scope".to_owned()), "{operation:?}");
        assert!(reply.header("www-authenticate").contains("error=\"insufficient_scope\""), "{operation:?}");
    }
}

#[tokio::test]
async fn in_production_the_door_needs_the_service_key() {
    let key = "the-key-of-the-back-end-of-the-shop";
    let changes = [&PRODUCTION[..], &[("SERVICE_API_KEY", key)]].concat();
    let app = TestApp::start_with(&changes).await;
    let wire = Wire::to(&app.base);
    let xid = Uuid::new_v4();
    let form = "application/x-www-form-urlencoded";
    for wrong in ["", "the-key-of-the-back-end-of-the-shoq", "x"] {
        let headers = [("content-type", form), ("x-api-key", wrong)];
        let headers = if wrong.is_empty() { &headers[..1] } else { &headers[..] };
        let reply =
            wire.send(Method::POST, "/api/v1/init", headers, format!("customer_xid={xid}").into()).await;
        assert_eq!(reply.code(), (401, "unauthorized".to_owned()), "{wrong}");
        assert!(reply.header("www-authenticate").starts_with("ApiKey "), "{reply:?}");
    }
    assert_eq!(app.db.number("select count(*) from customers").await, 0);
    let headers = [("content-type", form), ("x-api-key", key)];
    let reply = wire.send(Method::POST, "/api/v1/init", &headers, format!("customer_xid={xid}").into()).await;
    assert_eq!(reply.status, 201, "{reply:?}");
}
