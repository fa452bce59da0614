//! Signing up, in and out.

use poem::http::Method;
use serde_json::json;

use super::{TestApi, request};

#[tokio::test]
async fn a_user_signs_up_and_in_and_a_wrong_field_or_password_is_said_in_its_form() {
    let api = TestApi::new();
    let up = async |form: &str| api.post("/api/v1/users", "", form).await;
    let signed_up = up("email=eva@example.com&password=twelve+gulls+at+noon&name=Eva&language=de").await;
    assert_eq!(signed_up.status, 201, "{}", signed_up.text);
    assert_eq!(signed_up.json()["data"]["refresh_token"], "5c".repeat(32));
    assert_eq!(
        up("email=Ada@example.com&password=twelve+gulls+at+noon").await.code(),
        (409, "email_taken".to_owned())
    );
    for (form, errors) in [
        (
            "",
            json!({"email": ["Missing data for required field."], "password": ["Missing data for required field."]}),
        ),
        ("email=eva&password=twelve+gulls+at+noon", json!({"email": ["Must be an e-mail address."]})),
        ("email=eva@example.com&password=short", json!({"password": ["Must have 12 to 128 characters."]})),
        ("email=eva@example.com&password=passwordpassword", json!({"password": ["Is too easy to guess."]})),
        (
            "email=eva@example.com&password=twelve+gulls+at+noon&name=&language=x",
            json!({"name": ["Must be a name of 1 to 100 characters."], "language": ["Must be a language tag, such as en or de-CH."]}),
        ),
    ] {
        let answer = up(form).await;
        assert_eq!((answer.status, &answer.json()["data"]["error"]), (400, &errors), "{form}");
    }
    let sign_in = async |form: &str| api.post("/api/v1/sessions", "", form).await;
    assert_eq!(sign_in("email=ada@example.com&password=twelve+gulls+at+noon").await.status, 201);
    let unauthorized = (401, "unauthorized".to_owned());
    for form in [
        "email=ada@example.com&password=twelve+gulls+at+moon",
        "email=eva@example.com&password=twelve+gulls+at+noon",
        "email=x&password=",
        &format!("email=ada@example.com&password={}", "x".repeat(2_000)),
    ] {
        assert_eq!(sign_in(form).await.code(), unauthorized, "{form}");
    }
    let refresh =
        async |token: &str| api.post("/api/v1/sessions/refresh", "", &format!("refresh_token={token}")).await;
    assert_eq!(refresh(&"0".repeat(64)).await.status, 201);
    assert_eq!(refresh("x").await.code(), unauthorized);
}

#[tokio::test]
async fn a_customer_sees_himself_and_his_sessions() {
    let api = TestApi::new();
    let token = api.customer();
    let me = api.get("/api/v1/me", &token).await.json()["data"]["me"].clone();
    assert_eq!(me["customer_xid"], token);
    assert!(me["email"].is_null() && me["email_verified"] == false, "{me}");
    let patch = async |form: &str| {
        let request =
            request(Method::PATCH, "/api/v1/me", &token).content_type("application/x-www-form-urlencoded");
        api.send(request.body(form.to_owned())).await
    };
    assert_eq!(patch("name=Eva").await.status, 200);
    let missing = patch("password=twelve+gulls+at+noon").await.json();
    assert_eq!(missing["data"]["error"], json!({"old_password": ["Missing data for required field."]}));
    assert_eq!(patch("password=eleven+gulls+at+noon&old_password=x").await.status, 401);
    assert_eq!(patch("password=eleven+gulls+at+noon&old_password=twelve+gulls+at+noon").await.status, 200);
    assert_eq!(api.get("/api/v1/sessions", &token).await.json()["data"]["sessions"], json!([]));
    let signed_out = api.send(request(Method::DELETE, "/api/v1/sessions", &token).finish()).await;
    assert_eq!(signed_out.json()["data"], json!({"signed_out": true}));
    let unknown = format!("/api/v1/sessions/{token}");
    assert_eq!(
        api.send(request(Method::DELETE, &unknown, &token).finish()).await.code(),
        (404, "not_found".to_owned())
    );
}
