//! What went wrong, as the client hears it. The only place that turns the errors of the domain rooms into codes of the
//! catalogue, and codes into answers. Texts from within the server go to the log and nowhere else.

use poem::{
    PathPattern, Response,
    error::{NotFoundError, ResponseError},
    http::{HeaderName, HeaderValue, StatusCode, header},
};
use poem_openapi::{
    ApiResponse,
    registry::{MetaResponses, Registry},
};
use serde::{Serialize, Serializer, ser::SerializeMap};
use thiserror::Error;
use uuid::Uuid;

use super::{catalogue::Code, headers::WALLET_VERSION};
use crate::{
    identity::{IdentityError, Unauthorized},
    ledger::{LedgerError, Refusal},
    wallet::WalletError,
};

/// How long a client should wait before it tries again, in seconds.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");
/// What a 401 asks for (RFC 6750, section 3).
const CHALLENGE: HeaderValue = HeaderValue::from_static("Bearer realm=\"wallet\"");

/// An error on its way to the client.
#[derive(Debug, Error)]
#[error("{}", code.word())]
pub struct ApiError {
    code: Code,
    says: Says,
    /// For the log.
    cause: Option<String>,
    header: Option<(HeaderName, HeaderValue)>,
}

/// What `data.error` holds.
#[derive(Debug)]
enum Says {
    /// The catalogue's sentence.
    Sentence,
    /// Another sentence.
    Text(&'static str),
    /// What is wrong with which field.
    Fields(FieldErrors),
    /// The catalogue's sentence, and the transaction that used the reference.
    Transaction(Uuid),
}

/// What is wrong with which field, in the order in which the fields were looked at.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct FieldErrors(Vec<(&'static str, &'static str)>);

impl FieldErrors {
    /// Notes one.
    pub fn push(&mut self, field: &'static str, message: &'static str) {
        self.0.push((field, message));
    }

    /// Nothing is wrong.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for FieldErrors {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (field, message) in &self.0 {
            map.serialize_entry(field, &[message])?;
        }
        map.end()
    }
}

impl From<Code> for ApiError {
    fn from(code: Code) -> Self {
        Self { code, says: Says::Sentence, cause: None, header: None }
    }
}

impl From<FieldErrors> for ApiError {
    fn from(errors: FieldErrors) -> Self {
        Self { says: Says::Fields(errors), ..Self::from(Code::ValidationFailed) }
    }
}

impl ApiError {
    /// A code with a sentence that says more than the catalogue's.
    #[must_use]
    pub fn saying(code: Code, text: &'static str) -> Self {
        Self { says: Says::Text(text), ..Self::from(code) }
    }

    /// A defect of ours; the text is for the log.
    #[must_use]
    pub fn internal(cause: impl Into<String>) -> Self {
        Self { cause: Some(cause.into()), ..Self::from(Code::Internal) }
    }

    /// The path exists, but not for this method.
    #[must_use]
    pub fn method_not_allowed(allowed: HeaderValue) -> Self {
        Self { header: Some((header::ALLOW, allowed)), ..Self::from(Code::MethodNotAllowed) }
    }

    fn duplicate(transaction: Uuid) -> Self {
        Self { says: Says::Transaction(transaction), ..Self::from(Code::DuplicateReference) }
    }

    fn version_not_reached(current: i64) -> Self {
        Self {
            header: Some((WALLET_VERSION, HeaderValue::from(current))),
            ..Self::from(Code::VersionNotReached)
        }
    }

    fn unavailable(cause: String) -> Self {
        Self { cause: Some(cause), ..Self::from(Code::Unavailable) }
    }

    /// Tells the log what the client is not told.
    fn log(&self) {
        let (code, cause) = (self.code.word(), self.cause.as_deref().unwrap_or("no more is known"));
        match self.code {
            Code::Internal => tracing::error!(code, cause, "request failed"),
            Code::OutcomeUnknown => tracing::warn!(code, cause, "request failed"),
            _ if self.cause.is_some() => tracing::warn!(code, cause, "request failed"),
            _ => {}
        }
    }

    fn body(&self) -> serde_json::Result<Vec<u8>> {
        let code = self.code;
        if code.status().is_server_error() {
            return serde_json::to_vec(&Broken { status: "error", message: code.sentence(), code });
        }
        let (error, transaction_id) = match &self.says {
            Says::Sentence => (Reason::Sentence(code.sentence()), None),
            Says::Text(text) => (Reason::Sentence(text), None),
            Says::Fields(errors) => (Reason::Fields(errors), None),
            Says::Transaction(id) => (Reason::Sentence(code.sentence()), Some(*id)),
        };
        serde_json::to_vec(&Refused { status: "fail", data: RefusedData { error, code, transaction_id } })
    }
}

/// JSend for what the caller can do something about.
#[derive(Serialize)]
struct Refused<'a> {
    status: &'static str,
    data: RefusedData<'a>,
}

#[derive(Serialize)]
struct RefusedData<'a> {
    error: Reason<'a>,
    code: Code,
    #[serde(skip_serializing_if = "Option::is_none")]
    transaction_id: Option<Uuid>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Reason<'a> {
    Sentence(&'a str),
    Fields(&'a FieldErrors),
}

/// JSend for what is broken on the server's side.
#[derive(Serialize)]
struct Broken {
    status: &'static str,
    message: &'static str,
    code: Code,
}

impl ResponseError for ApiError {
    fn status(&self) -> StatusCode {
        self.code.status()
    }

    fn as_response(&self) -> Response {
        self.log();
        let status = self.code.status();
        let mut response = Response::builder()
            .status(status)
            .content_type("application/json")
            .body(self.body().unwrap_or_default());
        let headers = response.headers_mut();
        if let Some((name, value)) = &self.header {
            headers.insert(name.clone(), value.clone());
        }
        match status {
            StatusCode::UNAUTHORIZED => headers.insert(header::WWW_AUTHENTICATE, CHALLENGE),
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                headers.insert(header::RETRY_AFTER, RETRY_AFTER)
            }
            _ => None,
        };
        response
    }
}

/// Which errors an operation has stands in its notes, not in a type.
impl ApiResponse for ApiError {
    fn meta() -> MetaResponses {
        MetaResponses { responses: vec![] }
    }

    fn register(_: &mut Registry) {}
}

/// The last stop of every error, ours or the framework's: after it there are only JSend answers.
pub async fn to_response(error: poem::Error) -> Response {
    let pattern = error.data::<PathPattern>().cloned();
    let mut response = if error.is::<ApiError>() || error.is_from_response() {
        error.into_response()
    } else {
        foreign(&error).as_response()
    };
    if let Some(pattern) = pattern {
        response.set_data(pattern);
    }
    response
}

/// An error that the framework made.
fn foreign(error: &poem::Error) -> ApiError {
    if error.is::<NotFoundError>() {
        return Code::NotFound.into();
    }
    match error.status() {
        StatusCode::NOT_FOUND => Code::NotFound.into(),
        StatusCode::PAYLOAD_TOO_LARGE => Code::PayloadTooLarge.into(),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => Code::UnsupportedMediaType.into(),
        StatusCode::BAD_REQUEST => Code::MalformedBody.into(),
        _ => ApiError::internal(error.to_string()),
    }
}

/// A panic in a handler.
pub fn from_panic(panic: Box<dyn std::any::Any + Send>) -> Response {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    ApiError::internal(format!("panic: {}", text.unwrap_or("no text"))).as_response()
}

impl From<Unauthorized> for ApiError {
    fn from(_: Unauthorized) -> Self {
        Code::Unauthorized.into()
    }
}

impl From<IdentityError> for ApiError {
    fn from(error: IdentityError) -> Self {
        match error {
            IdentityError::Wallet(error) => error.into(),
            IdentityError::Token(error) => Self::internal(error.to_string()),
        }
    }
}

impl From<WalletError> for ApiError {
    fn from(error: WalletError) -> Self {
        match error {
            WalletError::NotFound => Code::NotFound.into(),
            WalletError::Disabled => Code::WalletDisabled.into(),
            WalletError::VersionNotReached { current } => Self::version_not_reached(current),
            WalletError::Ledger(error) => error.into(),
            WalletError::Db(error) if error.is_passing() => Self::unavailable(error.to_string()),
            WalletError::Db(error) => Self::internal(error.to_string()),
            WalletError::Cache(error) => Self::internal(error.to_string()),
        }
    }
}

impl From<LedgerError> for ApiError {
    fn from(error: LedgerError) -> Self {
        match error {
            LedgerError::Refused(refusal) => refusal.into(),
            LedgerError::Overloaded => Code::Overloaded.into(),
            LedgerError::Unavailable => Code::Unavailable.into(),
            LedgerError::OutcomeUnknown => Code::OutcomeUnknown.into(),
            LedgerError::Internal(cause) => Self::internal(cause),
        }
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            // The token is of another installation: what is not here is as if it did not exist.
            Refusal::WalletNotFound => Code::NotFound.into(),
            Refusal::DuplicateReference { transaction_id } => Self::duplicate(transaction_id.0),
            Refusal::AlreadyEnabled => Code::AlreadyEnabled.into(),
            Refusal::AlreadyDisabled => Code::AlreadyDisabled.into(),
            Refusal::WalletDisabled => Code::WalletDisabled.into(),
            Refusal::WalletFrozen => Code::WalletFrozen.into(),
            Refusal::InsufficientFunds { .. } => Code::InsufficientFunds.into(),
            Refusal::BalanceLimit => Code::BalanceLimit.into(),
        }
    }
}
