//! Who may ask.

use poem::{
    Request,
    http::{HeaderValue, Method},
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Room, request, spec};

/// Every operation that the document protects by a token.
fn protected() -> Vec<(Method, String)> {
    let document: Value = serde_json::from_str(spec()).unwrap();
    let mut found = vec![];
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            if operation["security"]
                .as_array()
                .is_some_and(|all| all.iter().any(|one| one.get("Bearer").is_some()))
            {
                found.push((method.to_uppercase().parse().unwrap(), path.clone()));
            }
        }
    }
    found
}

#[tokio::test]
async fn without_a_right_token_every_protected_operation_says_the_same() {
    let room = Room::new();
    let good = Uuid::now_v7();
    let protected = protected();
    assert_eq!(protected.len(), 9, "{protected:?}");
    let wrong = [
        "",
        " ",
        "Bearer",
        "Bearer ",
        "Bearer  ",
        "Token",
        "Token ",
        "Bearer x",
        "Token x",
        "Basic x",
        "BearerX",
        &format!("{good}"),
        &format!("Basic {good}"),
        &format!("Bearer{good}"),
        &format!("Bearer {good} {good}"),
        &format!("Bearer\t{good}"),
        &format!("Bearer, {good}"),
        &format!("Digest {good}"),
    ]
    .map(|text| HeaderValue::from_str(text).unwrap());
    let not_text = HeaderValue::from_bytes(b"Bearer \xff\xfe").unwrap();
    let expected = json!({"status": "fail", "data": {"error": "Unauthorized", "code": "unauthorized"}});
    for (method, path) in protected {
        let mut requests = vec![request(method.clone(), &path, "")];
        requests.extend(
            wrong
                .iter()
                .chain([&not_text])
                .map(|value| request(method.clone(), &path, "").header("authorization", value.clone())),
        );
        let twice = request(method.clone(), &path, &good.to_string());
        requests.push(twice.header("authorization", format!("Bearer {good}")));
        for request in requests {
            let request = request.header("content-type", "text/plain").body("x".repeat(100_000));
            let challenge = challenge(&request);
            // The body is wrong in every way, and not looked at.
            let answer = room.send(request).await;
            assert_eq!((answer.status, answer.json()), (401, expected.clone()), "{method} {path}");
            assert_eq!(answer.header("www-authenticate"), challenge);
        }
    }
}

/// What is asked for: a token, or another one than that which was shown (RFC 6750, section 3.1).
fn challenge(request: &Request) -> &'static str {
    let shown: Vec<_> = request.headers().get_all("authorization").iter().collect();
    let scheme =
        |value: &HeaderValue| value.to_str().map(|text| text.split(' ').next().unwrap().to_lowercase());
    let is_missing = match shown[..] {
        [] => true,
        [value] => scheme(value).is_ok_and(|scheme| !["bearer", "token"].contains(&scheme.as_str())),
        _ => false,
    };
    if is_missing { "Bearer realm=\"wallet\"" } else { "Bearer realm=\"wallet\", error=\"invalid_token\"" }
}

#[tokio::test]
async fn token_and_bearer_mean_the_same_in_any_case() {
    let room = Room::new();
    let token = room.customer(0).await;
    for scheme in ["Bearer", "bearer", "BEARER", "Token", "token", "tOKEN", "Bearer ", "Token  "] {
        let request =
            request(Method::GET, "/api/v1/wallet", "").header("authorization", format!("{scheme} {token}"));
        assert_eq!(room.send(request.finish()).await.status, 200, "{scheme}");
    }
}

#[tokio::test]
async fn a_token_without_the_scope_is_not_enough() {
    let room = Room::new();
    let token = format!("none:{}", room.customer(0).await);
    for (method, path) in protected() {
        let answer = room.send(request(method, &path, &token).finish()).await;
        assert_eq!(answer.code(), (403, "insufficient_scope".to_owned()));
    }
}

#[tokio::test]
async fn nobody_sees_or_moves_anothers_money() {
    let room = Room::new();
    let (rich, poor) = (room.customer(1_000).await, room.customer(0).await);
    let form =
        format!("amount=1&reference_id={}&wallet={rich}&id={rich}&customer_xid={rich}", Uuid::now_v7());
    let answer = room.post("/api/v1/wallet/withdrawals", &poor, &form).await;
    assert_eq!(answer.code(), (400, "insufficient_funds".to_owned()));
    assert_eq!(room.get("/api/v1/wallet", &poor).await.json()["data"]["wallet"]["balance"], 0);
    assert_eq!(room.wallets.balances(), 1_000);
}

#[tokio::test]
async fn a_service_key_guards_the_door_where_there_is_one() {
    let room = Room::with_key(Some("correct horse"));
    let init = async |key: Option<HeaderValue>, body: &str| {
        let request =
            request(Method::POST, "/api/v1/init", "").content_type("application/x-www-form-urlencoded");
        let request = key.into_iter().fold(request, |request, key| request.header("x-api-key", key));
        room.send(request.body(body.to_owned())).await
    };
    let form = format!("customer_xid={}", Uuid::now_v7());
    let wrong = [
        None,
        Some(""),
        Some("correct"),
        Some("correct horsf"),
        Some("correct horse "),
        Some("Correct horse"),
    ];
    for key in wrong.map(|key| key.map(HeaderValue::from_static)) {
        assert_eq!(init(key.clone(), &form).await.code(), (401, "unauthorized".to_owned()), "{key:?}");
        assert_eq!(
            init(key.clone(), "%").await.code(),
            (401, "unauthorized".to_owned()),
            "before the body: {key:?}"
        );
    }
    let bytes = HeaderValue::from_bytes(b"\xff").unwrap();
    assert_eq!(init(Some(bytes), &form).await.code(), (401, "unauthorized".to_owned()));
    assert_eq!(init(Some(HeaderValue::from_static("correct horse")), &form).await.status, 201);
}
