//! Reading a body, within the limit.

use std::time::Duration;

use futures_util::{Stream, StreamExt};
use poem::{Body, Request, RequestBody, http::header};

use crate::api::{ApiError, catalogue::Code};

/// The largest body, in bytes.
pub const BODY_MAX: usize = 64 * 1024;
/// How long a body may take: a client that has stopped in the middle holds nothing for longer.
const READ_TIME: Duration = Duration::from_secs(10);
/// How much of a body that is too large is thrown away before the answer, in bytes. A connection that is closed while
/// the client still writes may take the answer with it.
const DISCARD_MAX: usize = 1024 * 1024;
/// How long it may take to throw it away.
const DISCARD_TIME: Duration = Duration::from_secs(1);

/// The whole body, if it is not too large and comes in time.
pub async fn limited(request: &Request, body: &mut RequestBody) -> Result<Vec<u8>, ApiError> {
    let body = body.take().map_err(|error| ApiError::internal(error.to_string()))?;
    if body.is_empty() {
        return Ok(Vec::new());
    }
    let whole = tokio::time::timeout(READ_TIME, whole(request, body)).await;
    whole.unwrap_or_else(|_| Err(Code::MalformedBody.into()))
}

/// A length that is announced is believed: of a body that is too large nothing is kept.
async fn whole(request: &Request, body: Body) -> Result<Vec<u8>, ApiError> {
    let announced = request.header(header::CONTENT_LENGTH).and_then(|length| length.parse::<u64>().ok());
    let mut chunks = std::pin::pin!(body.into_bytes_stream());
    if announced.is_some_and(|length| length > BODY_MAX as u64) {
        // Whoever asks first has not begun to write.
        if request.header(header::EXPECT).is_none() {
            discard(chunks).await;
        }
        return Err(Code::PayloadTooLarge.into());
    }
    let mut bytes = Vec::with_capacity(announced.map_or(0, |length| length as usize));
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| ApiError::from(Code::MalformedBody))?;
        if bytes.len() + chunk.len() > BODY_MAX {
            discard(chunks).await;
            return Err(Code::PayloadTooLarge.into());
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// Takes what still comes, within bounds, and keeps none of it.
async fn discard<C: AsRef<[u8]>, E>(mut chunks: impl Stream<Item = Result<C, E>> + Unpin) {
    let mut seen = 0;
    let all = async {
        while let Some(Ok(chunk)) = chunks.next().await {
            seen += chunk.as_ref().len();
            if seen > DISCARD_MAX {
                break;
            }
        }
    };
    let _ = tokio::time::timeout(DISCARD_TIME, all).await;
}
