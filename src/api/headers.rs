//! Headers of our own: their names and the rules for their values.

use poem::{
    Request,
    http::{HeaderName, HeaderValue},
};
use uuid::Uuid;

/// The caller's id of a request, or ours.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The wallet's version that an answer shows.
pub const WALLET_VERSION: HeaderName = HeaderName::from_static("wallet-version");
/// The oldest version that a reader accepts.
pub const MIN_WALLET_VERSION: HeaderName = HeaderName::from_static("min-wallet-version");
/// The service key.
pub const API_KEY: HeaderName = HeaderName::from_static("x-api-key");
/// The client's key for a request that it may repeat.
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Marks the stored response to an earlier request with the same key.
pub const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// The one value of [`REPLAYED`].
pub const YES: HeaderValue = HeaderValue::from_static("true");

/// Maximum length of a request id of the caller, in characters.
const REQUEST_ID_MAX: usize = 128;

/// The caller's request id if it is safe in log lines, otherwise a new one.
#[must_use]
pub fn request_id(request: &Request) -> HeaderValue {
    let is_safe = |value: &&HeaderValue| {
        let bytes = value.as_bytes();
        (1..=REQUEST_ID_MAX).contains(&bytes.len())
            && bytes.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
    };
    request.headers().get(REQUEST_ID).filter(is_safe).cloned().unwrap_or_else(|| {
        let mut text = Uuid::encode_buffer();
        let text = Uuid::now_v7().hyphenated().encode_lower(&mut text);
        HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static("none"))
    })
}
