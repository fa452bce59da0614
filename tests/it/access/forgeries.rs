//! Tokens as others would make them.

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use uuid::Uuid;

/// What the service under test signs with.
pub const SECRET: &str = "a secret of this test's own, long enough";

/// What a token says.
pub fn claims(token: &str) -> Value {
    let rules = {
        let mut rules = jsonwebtoken::Validation::new(Algorithm::HS256);
        rules.set_audience(&["wallet-api"]);
        rules
    };
    let key = jsonwebtoken::DecodingKey::from_secret(SECRET.as_bytes());
    jsonwebtoken::decode::<Value>(token, &key, &rules).expect("one of the service's own").claims
}

pub fn signed(algorithm: Algorithm, secret: &str, claims: &Value) -> String {
    let key = EncodingKey::from_secret(secret.as_bytes());
    encode(&Header::new(algorithm), claims, &key).expect("a token")
}

/// The claims with some of them changed; null takes one away.
pub fn with(claims: &Value, changes: Value) -> Value {
    let mut claims = claims.clone();
    for (name, value) in changes.as_object().expect("an object") {
        match value {
            Value::Null => drop(claims.as_object_mut().expect("an object").remove(name)),
            value => claims[name] = value.clone(),
        }
    }
    claims
}

/// Every way in which a token of this customer may be wrong.
pub fn forgeries(token: &str) -> Vec<(&'static str, String)> {
    let good = claims(token);
    let now = good["iat"].as_i64().expect("a moment");
    let [header, payload, signature] = token.split('.').collect::<Vec<_>>().try_into().expect("three parts");
    let last = if signature.ends_with('A') { "Q" } else { "A" };
    let changed = with(&good, json!({"wallet": Uuid::new_v4()}));
    let changed = signed(Algorithm::HS256, "some other secret, long enough as well", &changed);
    let changed = changed.split('.').nth(1).expect("a payload");
    let hs256 = |claims: &Value| signed(Algorithm::HS256, SECRET, claims);
    vec![
        ("expired", hs256(&with(&good, json!({"exp": now - 1})))),
        ("expired within any leeway", hs256(&with(&good, json!({"exp": now - 30})))),
        ("signed by another", signed(Algorithm::HS256, "some other secret, long enough as well", &good)),
        ("signed with nothing", signed(Algorithm::HS256, "", &good)),
        ("the signature cut off", format!("{header}.{payload}.")),
        ("the signature left out", format!("{header}.{payload}")),
        ("the signature shortened", format!("{header}.{payload}.{}", &signature[..signature.len() - 2])),
        ("the signature changed", format!("{header}.{payload}.{}{last}", &signature[..signature.len() - 1])),
        ("another's claims under this signature", format!("{header}.{changed}.{signature}")),
        // {"alg":"none"}, {"typ":"JWT","alg":"None"}, {"alg":"NONE"}
        ("alg none", format!("eyJhbGciOiJub25lIn0.{payload}.")),
        ("alg none with a signature", format!("eyJhbGciOiJub25lIn0.{payload}.{signature}")),
        ("alg None", format!("eyJ0eXAiOiJKV1QiLCJhbGciOiJOb25lIn0.{payload}.")),
        ("alg NONE", format!("eyJhbGciOiJOT05FIn0.{payload}.")),
        ("HS512", signed(Algorithm::HS512, SECRET, &good)),
        ("HS384", signed(Algorithm::HS384, SECRET, &good)),
        // {"alg":"RS256"} and {}
        ("RS256 said", format!("eyJhbGciOiJSUzI1NiJ9.{payload}.{signature}")),
        ("no algorithm", format!("e30.{payload}.{signature}")),
        ("another issuer", hs256(&with(&good, json!({"iss": "somebody"})))),
        ("another audience", hs256(&with(&good, json!({"aud": "another-api"})))),
        ("no end", hs256(&with(&good, json!({"exp": null})))),
        ("no issuer", hs256(&with(&good, json!({"iss": null})))),
        ("no audience", hs256(&with(&good, json!({"aud": null})))),
        ("no wallet", hs256(&with(&good, json!({"wallet": null})))),
        ("two customers", hs256(&with(&good, json!({"sub": Uuid::new_v4()})))),
        ("not a token", "x".to_owned()),
        ("very long", "x".repeat(8_000)),
    ]
}
