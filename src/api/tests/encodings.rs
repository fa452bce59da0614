//! Bodies in the three encodings.

use poem::http::Method;

use super::{Answer, TestApi, request};

pub const DEPOSITS: &str = "/api/v1/wallet/deposits";
pub const JSON: &str = "application/json";
pub const FORM: &str = "application/x-www-form-urlencoded";
pub const MULTIPART: &str = "multipart/form-data; boundary=X";

/// Fields as a multipart body with the boundary `X`.
pub fn multipart(fields: &[(&str, &str)]) -> String {
    let part = |(name, value): &(&str, &str)| {
        format!("--X\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    fields.iter().map(part).collect::<String>() + "--X--\r\n"
}

pub fn form(fields: &[(&str, &str)]) -> String {
    let escaped = |text: &str| text.bytes().map(|byte| format!("%{byte:02x}")).collect::<String>();
    fields.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect::<Vec<_>>().join("&")
}

pub async fn send(
    api: &TestApi,
    token: &str,
    method: Method,
    path: &str,
    kind: &str,
    body: impl Into<poem::Body>,
) -> Answer {
    api.send(request(method, path, token).header("content-type", kind).body(body)).await
}

pub async fn deposit(api: &TestApi, token: &str, kind: &str, body: impl Into<poem::Body>) -> Answer {
    send(api, token, Method::POST, DEPOSITS, kind, body).await
}
