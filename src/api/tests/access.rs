//! Who may ask.

use poem::{
    Request,
    http::{HeaderValue, Method},
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{TestApi, request, spec};

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
    let api = TestApi::new();
    let good = Uuid::now_v7();
    let protected = protected();
    assert_eq!(protected.len(), 19, "{protected:?}");
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
            let answer = api.send(request).await;
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
    let api = TestApi::new();
    let token = api.customer();
    for scheme in ["Bearer", "bearer", "BEARER", "Token", "token", "tOKEN", "Bearer ", "Token  "] {
        let request =
            request(Method::GET, "/api/v1/wallet", "").header("authorization", format!("{scheme} {token}"));
        assert_eq!(api.send(request.finish()).await.status, 200, "{scheme}");
    }
}

#[tokio::test]
async fn a_token_without_the_scope_is_not_enough() {
    let api = TestApi::new();
    let token = format!("none:{}", api.customer());
    for (method, path) in protected() {
        let answer = api.send(request(method, &path, &token).finish()).await;
        assert_eq!(answer.code(), (403, "insufficient_scope".to_owned()));
    }
}

#[tokio::test]
async fn a_request_is_about_the_wallet_of_its_token_whatever_its_fields_say() {
    let api = TestApi::new();
    let (own, other) = (api.customer(), api.customer());
    let form =
        format!("amount=1&reference_id={}&wallet={other}&id={other}&customer_xid={other}", Uuid::now_v7());
    assert_eq!(api.post("/api/v1/wallet/withdrawals", &own, &form).await.status, 201);
    let orders = api.orders();
    assert_eq!(
        orders.iter().map(|(order, _)| order.wallet.to_string()).collect::<Vec<_>>(),
        std::slice::from_ref(&own)
    );
    let read = api.get(&format!("/api/v1/wallet?id={other}&wallet={other}"), &own).await;
    assert_eq!(read.json()["data"]["wallet"]["id"], own);
}

#[tokio::test]
async fn a_service_key_guards_the_door_where_there_is_one() {
    let api = TestApi::with_key(Some("correct horse"));
    let init = async |key: Option<HeaderValue>, body: &str| {
        let request =
            request(Method::POST, "/api/v1/init", "").content_type("application/x-www-form-urlencoded");
        let request = key.into_iter().fold(request, |request, key| request.header("x-api-key", key));
        api.send(request.body(body.to_owned())).await
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
