//! Reads the whole body before the request is answered. If the response were sent first, the rest of the body would be read as
//! the connection's next request. A body that is too large or too slow is not waited for: the connection is closed after the
//! response.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use poem::{
    Body, Endpoint, IntoResponse, Middleware, Request, Response, Result,
    error::ResponseError,
    http::{HeaderValue, header},
};
use tokio_util::sync::CancellationToken;

use super::framing;
use crate::api::{api_error::ApiError, catalogue::Code};

/// Maximum size of a body, in bytes.
pub const BODY_MAX: usize = 64 * 1024;
/// Maximum time for a body.
const READ_TIMEOUT: Duration = Duration::from_secs(10);
/// Maximum time for the rest of a body once the service stops.
const LAST_READ_TIMEOUT: Duration = Duration::from_secs(1);

/// A request's body, or the error in its place.
#[derive(Clone, Debug)]
pub struct Received(pub Result<Bytes, Code>);

impl Received {
    /// The body of this request; empty: it has none.
    pub fn of(request: &Request) -> Result<Bytes, ApiError> {
        let Some(Self(body)) = request.data::<Self>() else { return Ok(Bytes::new()) };
        body.clone().map_err(ApiError::from)
    }
}

/// The middleware.
pub struct BodyReader {
    stopping: CancellationToken,
}

impl BodyReader {
    /// Once `stopping` is cancelled, bodies get [`LAST_READ_TIMEOUT`] more.
    pub const fn new(stopping: CancellationToken) -> Self {
        Self { stopping }
    }
}

impl<E: Endpoint> Middleware<E> for BodyReader {
    type Output = BodyReaderEndpoint<E>;

    fn transform(&self, inner: E) -> Self::Output {
        BodyReaderEndpoint { inner, stopping: self.stopping.clone() }
    }
}

/// [`BodyReader`] around an endpoint.
pub struct BodyReaderEndpoint<E> {
    inner: E,
    stopping: CancellationToken,
}

impl<E: Endpoint> Endpoint for BodyReaderEndpoint<E> {
    type Output = Response;

    async fn call(&self, mut request: Request) -> Result<Response> {
        if let Err(refusal) = framing::check(&request) {
            return Ok(last(refusal.as_response()));
        }
        let body = request.take_body();
        if body.is_empty() {
            return Ok(self.inner.call(request).await?.into_response());
        }
        let received = self.in_time(whole(&request, body)).await;
        let is_whole = received.is_ok();
        request.extensions_mut().insert(Received(received));
        let response = self.inner.call(request).await?.into_response();
        Ok(if is_whole { response } else { last(response) })
    }
}

impl<E> BodyReaderEndpoint<E> {
    async fn in_time(&self, body: impl Future<Output = Result<Bytes, Code>>) -> Result<Bytes, Code> {
        let stopping = async {
            self.stopping.cancelled().await;
            tokio::time::sleep(LAST_READ_TIMEOUT).await;
        };
        tokio::select! {
            biased;
            body = body => body,
            () = tokio::time::sleep(READ_TIMEOUT) => Err(Code::MalformedBody),
            () = stopping => Err(Code::MalformedBody),
        }
    }
}

/// The whole body. An announced length is believed: nothing is read of a body that is too large.
async fn whole(request: &Request, body: Body) -> Result<Bytes, Code> {
    let announced = request.header(header::CONTENT_LENGTH).and_then(|length| length.parse::<u64>().ok());
    if announced.is_some_and(|length| length > BODY_MAX as u64) {
        return Err(Code::PayloadTooLarge);
    }
    let mut chunks = std::pin::pin!(body.into_bytes_stream());
    let mut next = async || chunks.next().await.transpose().map_err(|_| Code::MalformedBody);
    let Some(first) = next().await? else { return Ok(Bytes::new()) };
    if first.len() as u64 == announced.unwrap_or(u64::MAX) {
        return Ok(first);
    }
    let mut all = BytesMut::from(first);
    while let Some(chunk) = next().await? {
        all.extend_from_slice(&chunk);
        if all.len() > BODY_MAX {
            return Err(Code::PayloadTooLarge);
        }
    }
    // The first chunk alone may be too large.
    if all.len() > BODY_MAX { Err(Code::PayloadTooLarge) } else { Ok(all.freeze()) }
}

/// Closes the connection after this response.
fn last(mut response: Response) -> Response {
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}
