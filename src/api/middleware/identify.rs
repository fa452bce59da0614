//! Gives every request its id, its place in the log, and every answer the headers that all answers have.

use poem::{
    Endpoint, IntoResponse, Middleware, Request, Response, Result,
    http::{HeaderValue, header},
};
use tracing::Instrument;

use crate::api::headers::{REQUEST_ID, request_id};

/// The outermost layer: whatever comes out of it carries `X-Request-Id`.
pub struct Identify;

impl<E: Endpoint> Middleware<E> for Identify {
    type Output = IdentifyEndpoint<E>;

    fn transform(&self, inner: E) -> Self::Output {
        IdentifyEndpoint { inner }
    }
}

/// [`Identify`] around an endpoint.
pub struct IdentifyEndpoint<E> {
    inner: E,
}

impl<E: Endpoint> Endpoint for IdentifyEndpoint<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        let id = request_id(&request);
        let span = tracing::info_span!(
            "request",
            id = id.to_str().unwrap_or_default(),
            method = request.method().as_str(),
            path = request.uri().path(),
        );
        let mut response = self.inner.call(request).instrument(span).await?.into_response();
        let headers = response.headers_mut();
        headers.insert(REQUEST_ID, id);
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        // Balances are nobody else's to keep.
        headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
        Ok(response)
    }
}
