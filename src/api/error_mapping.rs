//! The only place that turns errors, of the domain rooms and of the framework, into codes of the catalogue. Internal
//! texts go to the log only.

use poem::{PathPattern, Response, error::ResponseError, http::StatusCode};

use super::{
    api_error::{ApiError, Detail, FieldErrors},
    catalogue::Code,
    security::SecurityEvent,
};
use crate::{
    accounts::AccountError,
    db::DbError,
    identity::{IdentityError, Unfit},
    ledger::{LedgerError, Refusal},
    limits::Exhausted,
    payments::PaymentError,
    payouts::PayoutError,
};

impl From<Exhausted> for ApiError {
    fn from(Exhausted { class, retry_after }: Exhausted) -> Self {
        Self::new(Code::RateLimited, Detail::RetryAfter(retry_after)).recorded_as(SecurityEvent::Limit(class))
    }
}

impl From<IdentityError> for ApiError {
    fn from(error: IdentityError) -> Self {
        match error {
            IdentityError::EmailTaken => Code::EmailTaken.into(),
            IdentityError::Unfit(Unfit::Length) => field_error("password", "Must have 12 to 128 characters."),
            IdentityError::Unfit(Unfit::Common) => field_error("password", "Is too easy to guess."),
            IdentityError::WrongCredentials => Code::Unauthorized.into(),
            IdentityError::NotFound => Code::NotFound.into(),
            IdentityError::TooManyTokens => Self::new(Code::RateLimited, Detail::RetryAfter(60)),
            IdentityError::OutcomeUnknown(cause) => {
                Self::new(Code::OutcomeUnknown, Detail::Cause(cause.to_string()))
            }
            IdentityError::Busy => Code::Overloaded.into(),
            IdentityError::Account(error) => error.into(),
            IdentityError::Db(error) => error.into(),
            IdentityError::Token(error) => Self::internal(error.to_string()),
            IdentityError::Defect(cause) => Self::internal(cause),
        }
    }
}

impl From<AccountError> for ApiError {
    fn from(error: AccountError) -> Self {
        match error {
            AccountError::NotFound => Code::NotFound.into(),
            AccountError::Disabled => Code::WalletDisabled.into(),
            AccountError::VersionNotReached { current } => {
                Self::new(Code::VersionNotReached, Detail::Version(current))
            }
            AccountError::Ledger(error) => error.into(),
            AccountError::Db(error) => error.into(),
            AccountError::Cache(error) => Self::internal(error.to_string()),
        }
    }
}

impl From<PaymentError> for ApiError {
    fn from(error: PaymentError) -> Self {
        match error {
            PaymentError::Ledger(error) => error.into(),
            PaymentError::Db(error) => error.into(),
            PaymentError::HoldNotFound => Code::NotFound.into(),
        }
    }
}

impl From<PayoutError> for ApiError {
    fn from(error: PayoutError) -> Self {
        match error {
            PayoutError::NoBank => Self::new(Code::Unavailable, Detail::Cause(error.to_string())),
            PayoutError::Overloaded => Code::Overloaded.into(),
            PayoutError::NotFound => Code::NotFound.into(),
            PayoutError::Ledger(error) => error.into(),
            PayoutError::Db(error) => error.into(),
            // What only an operator can meet.
            PayoutError::NeedsNoAttention | PayoutError::AtWork | PayoutError::Refused(_) => {
                Self::internal(error.to_string())
            }
        }
    }
}

impl From<DbError> for ApiError {
    fn from(error: DbError) -> Self {
        let code = if error.is_transient() { Code::Unavailable } else { Code::Internal };
        Self::new(code, Detail::Cause(error.to_string()))
    }
}

impl From<LedgerError> for ApiError {
    fn from(error: LedgerError) -> Self {
        match error {
            LedgerError::Overloaded => Code::Overloaded.into(),
            LedgerError::Unavailable => Code::Unavailable.into(),
            LedgerError::OutcomeUnknown => Code::OutcomeUnknown.into(),
            LedgerError::Internal(cause) => Self::internal(cause),
        }
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        let detail = match refusal {
            Refusal::DuplicateReference { transaction_id } => Detail::Transaction(transaction_id.0),
            // Decided by the ledger: the same request with a known key gets its first answer also when the time has come.
            Refusal::ReleaseOutOfRange => {
                return field_error("release_at", "Must be in the future, at most ten years ahead.");
            }
            Refusal::ExpiryOutOfRange => {
                return field_error("expires_at", "Must be in the future, at most 90 days ahead.");
            }
            _ => Detail::None,
        };
        Self::new(Code::from(&refusal), detail)
    }
}

fn field_error(field: &'static str, message: &'static str) -> ApiError {
    let mut errors = FieldErrors::default();
    errors.push(field, message);
    errors.into()
}

/// Turns every error, ours or the framework's, into a JSend response.
pub async fn to_response(error: poem::Error) -> Response {
    let pattern = error.data::<PathPattern>().cloned();
    let event = error.downcast_ref::<ApiError>().and_then(ApiError::security_event);
    let mut response = if error.is::<ApiError>() || error.is_from_response() {
        error.into_response()
    } else {
        foreign(&error).as_response()
    };
    if let Some(pattern) = pattern {
        response.set_data(pattern);
    }
    if let Some(event) = event {
        response.set_data(event);
    }
    response
}

/// An error that the framework made.
fn foreign(error: &poem::Error) -> ApiError {
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
