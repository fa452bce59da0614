//! `POST /bank/callbacks`: the bank reports by itself how a payout stands (docs/bank-api.md).

use std::sync::Arc;

use bytes::Bytes;
use poem::{Request, RequestBody, http::HeaderValue};
use poem_openapi::{
    ApiExtractor, ApiExtractorType, Enum, ExtractParamOptions, Object, OpenApi,
    registry::{MetaMediaType, MetaRequest, Registry},
    types::Type,
};
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use crate::{
    api::{
        api_error::{ApiError, Detail},
        catalogue::Code,
        document::{OperationDoc, Tag, sample, samples::TRANSACTION},
        envelope::Answer,
        middleware::body_reader::Received,
        parameters::KnownParameters,
        security::SecurityEvent,
    },
    payouts::{BankMessage, CallbackHeaders, CallbackVerifier, Payouts, Reception},
};

/// The media type.
const JSON: &str = "application/json";

// For the document; `BankMessage` reads it.
/// How a payment stands at the bank.
#[derive(Object)]
struct BankCallbackRequest {
    /// The payout.
    id: Uuid,
    /// In minor units: what the bank pays.
    amount: i64,
    /// `pending`, `settled`, `rejected` or `bounced`.
    status: String,
    /// The bank's word for why it did not pay, or why the money came back.
    reason: Option<String>,
}

/// What became of a callback.
#[derive(Enum, Serialize)]
#[oai(rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
enum CallbackResult {
    /// The books have what it says, now or since before.
    Booked,
    /// It says that nothing is decided yet.
    Open,
    /// It contradicts the books: nothing was booked, and an operator has to decide.
    NeedsAttention,
}

impl From<Reception> for CallbackResult {
    fn from(reception: Reception) -> Self {
        match reception {
            Reception::Booked => Self::Booked,
            Reception::Open => Self::Open,
            Reception::NeedsAttention => Self::NeedsAttention,
        }
    }
}

/// The callback.
#[derive(Object, Serialize)]
struct Callback {
    result: CallbackResult,
}

/// The callback.
#[derive(Object, Serialize)]
pub struct CallbackData {
    callback: Callback,
}

/// The operation.
pub struct BankApi {
    pub payouts: Arc<dyn Payouts>,
    /// None: there is no bank.
    pub verifier: Option<Arc<dyn CallbackVerifier>>,
}

#[OpenApi(prefix_path = "/api/v1", tag = "Tag::Bank")]
impl BankApi {
    /// Report how a payout stands
    ///
    /// For the bank, JSON only, signed as Standard Webhooks does: `webhook-id`, `webhook-timestamp` and `webhook-signature` (HMAC-SHA256
    /// over the raw bytes), at most five minutes old. Repeated it does no harm. A report that contradicts the books moves nothing.
    #[oai(path = "/bank/callbacks", method = "post", operation_id = "report_payout")]
    async fn report_payout(&self, signed: SignedBytes) -> Result<Answer<200, CallbackData>, ApiError> {
        let verifier = self.verifier.as_ref().ok_or(Code::Unavailable)?;
        verifier.verify(signed.headers(), &signed.body).map_err(|_| not_signed())?;
        let message = BankMessage::parse(&signed.body).map_err(|_| Code::MalformedBody)?;
        let (payout, report) = message.into_report();
        let result = self.payouts.report(payout, report).await?.into();
        Ok(Answer(CallbackData { callback: Callback { result } }))
    }
}

/// A body as it came, and its signature.
struct SignedBytes {
    id: Option<String>,
    timestamp: Option<String>,
    signature: Option<String>,
    body: Bytes,
}

impl SignedBytes {
    fn headers(&self) -> CallbackHeaders<'_> {
        CallbackHeaders {
            id: self.id.as_deref(),
            timestamp: self.timestamp.as_deref(),
            signature: self.signature.as_deref(),
        }
    }
}

impl<'a> ApiExtractor<'a> for SignedBytes {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];
    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        BankCallbackRequest::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        let content = vec![MetaMediaType { content_type: JSON, schema: BankCallbackRequest::schema_ref() }];
        Some(MetaRequest {
            description: Some("JSON only: its raw bytes are signed."),
            content,
            required: true,
        })
    }

    async fn from_request(
        request: &'a Request,
        _: &mut RequestBody,
        _: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        KnownParameters::check(request)?;
        let body = Received::of(request)?;
        let essence = request.content_type().and_then(|content_type| content_type.split(';').next());
        if !essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case(JSON)) {
            return Err(ApiError::from(Code::UnsupportedMediaType).into());
        }
        let header = |name| request.header(name).map(ToOwned::to_owned);
        let (id, timestamp) = (header("webhook-id"), header("webhook-timestamp"));
        Ok(Self { id, timestamp, signature: header("webhook-signature"), body })
    }
}

/// The signature is missing, wrong or too old; which of these is not revealed.
fn not_signed() -> ApiError {
    let challenge = "Signature realm=\"wallet\", header=\"webhook-signature\"";
    ApiError::new(Code::Unauthorized, Detail::Challenge(HeaderValue::from_static(challenge)))
        .recorded_as(SecurityEvent::Signature)
}

/// The documentation of the operation, in addition to its types.
pub fn operation_docs() -> Vec<OperationDoc> {
    vec![OperationDoc {
        id: "report_payout",
        codes: &[&[
            Code::MalformedBody,
            Code::Unauthorized,
            Code::NotFound,
            Code::PayloadTooLarge,
            Code::UnsupportedMediaType,
            Code::ValidationFailed,
            Code::Overloaded,
            Code::Unavailable,
            Code::OutcomeUnknown,
        ]],
        request: Some(json!({"id": TRANSACTION, "amount": 10_000, "status": "settled"})),
        answer: sample(&CallbackData { callback: Callback { result: CallbackResult::Booked } }),
    }]
}
