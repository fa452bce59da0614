//! Headers of our own: their names and the rules for their values.

use poem::{
    Request, RequestBody,
    http::{HeaderName, HeaderValue},
};
use poem_openapi::{
    ApiExtractor, ApiExtractorType, ExtractParamOptions,
    registry::{MetaParamIn, MetaSchema, MetaSchemaRef},
};
use uuid::Uuid;

use super::{ApiError, catalogue::Code, failure::Detail};

/// The caller's name for a request, or ours.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The wallet's version that an answer shows.
pub const WALLET_VERSION: HeaderName = HeaderName::from_static("wallet-version");
/// The oldest version that a reader wants to see.
pub const MIN_WALLET_VERSION: HeaderName = HeaderName::from_static("min-wallet-version");
/// What a back end shows instead of a token.
pub const API_KEY: HeaderName = HeaderName::from_static("x-api-key");
/// The client's name for a request that it may send again.
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Says that an answer is the first one to its key, told again.
pub const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// The one value of [`REPLAYED`].
pub const YES: HeaderValue = HeaderValue::from_static("true");

/// The longest request id that is taken over, in characters.
const REQUEST_ID_MAX: usize = 128;

/// The caller's request id if it is sane: it will stand in log lines. Otherwise a fresh one.
#[must_use]
pub fn request_id(request: &Request) -> HeaderValue {
    let sane = |value: &&HeaderValue| {
        let bytes = value.as_bytes();
        (1..=REQUEST_ID_MAX).contains(&bytes.len())
            && bytes.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
    };
    request.headers().get(REQUEST_ID).filter(sane).cloned().unwrap_or_else(|| {
        let mut text = Uuid::encode_buffer();
        let text = Uuid::now_v7().hyphenated().encode_lower(&mut text);
        HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static("none"))
    })
}

/// `Min-Wallet-Version`: a read is never answered from an older state.
pub struct MinWalletVersion(pub Option<i64>);

impl MinWalletVersion {
    fn read(request: &Request) -> Result<Self, ApiError> {
        let mut values = request.headers().get_all(MIN_WALLET_VERSION).iter();
        let Some(value) = values.next() else { return Ok(Self(None)) };
        let version = value.to_str().ok().filter(|text| text.bytes().all(|b| b.is_ascii_digit()));
        let version = version.and_then(|text| text.parse().ok()).filter(|_| values.next().is_none());
        version.map(|version| Self(Some(version))).ok_or_else(|| {
            let rule = "Min-Wallet-Version must be one integer, 0 or more";
            ApiError::new(Code::InvalidHeader, Detail::Sentence(rule))
        })
    }
}

impl<'a> ApiExtractor<'a> for MinWalletVersion {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::Parameter];
    type ParamType = i64;
    type ParamRawType = i64;

    fn param_in() -> Option<MetaParamIn> {
        Some(MetaParamIn::Header)
    }

    fn param_schema_ref() -> Option<MetaSchemaRef> {
        let schema = MetaSchema { minimum: Some(0.0), ..MetaSchema::new_with_format("integer", "int64") };
        Some(MetaSchemaRef::Inline(Box::new(schema)))
    }

    async fn from_request(
        request: &'a Request,
        _: &mut RequestBody,
        _: ExtractParamOptions<i64>,
    ) -> poem::Result<Self> {
        Ok(Self::read(request)?)
    }
}
