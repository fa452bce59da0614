//! HTTP clients of the tests. None reads the system's certificates: that takes a tenth of a second for each client.

use reqwest::{Client, ClientBuilder, Response};

/// A client that trusts no certificate.
pub fn builder() -> ClientBuilder {
    Client::builder().tls_certs_only([])
}

/// The answer to a request of a client of its own.
pub async fn get(url: impl reqwest::IntoUrl) -> reqwest::Result<Response> {
    builder().build()?.get(url).send().await
}
