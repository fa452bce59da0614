//! An error response.

use std::borrow::Cow;

use poem::{
    Response,
    error::ResponseError,
    http::{HeaderValue, StatusCode, header},
};
use poem_openapi::{
    ApiResponse,
    registry::{MetaResponses, Registry},
};
use serde::{Serialize, Serializer, ser::SerializeMap};
use thiserror::Error;
use uuid::Uuid;

use super::{
    catalogue::Code,
    headers::{REPLAYED, WALLET_VERSION, YES},
    security::SecurityEvent,
};

/// Time until a client should retry, in seconds.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");
/// The challenge to a request without credentials (RFC 6750, section 3).
const CHALLENGE: HeaderValue = HeaderValue::from_static("Bearer realm=\"wallet\"");

/// A code of the catalogue, and its details.
#[derive(Debug, Error)]
#[error("{}", code.as_str())]
pub struct ApiError {
    code: Code,
    detail: Detail,
    /// It is the stored response to an earlier request with the same key.
    replayed: bool,
    security_event: Option<SecurityEvent>,
}

/// The details of an error.
#[derive(Debug)]
pub enum Detail {
    /// None: the catalogue's message is enough.
    None,
    /// A better message than the catalogue's.
    Message(&'static str),
    /// The errors of fields, in place of a message.
    Fields(FieldErrors),
    /// The transaction that used the reference.
    Transaction(Uuid),
    /// The wallet's version now.
    Version(i64),
    /// What was wrong with the credentials, for `WWW-Authenticate`.
    Challenge(HeaderValue),
    /// The methods that the path has, for `Allow`.
    Methods(HeaderValue),
    /// The time until a retry if it is not a second, in seconds, for `Retry-After`.
    RetryAfter(u64),
    /// For the log only.
    Cause(String),
}

/// The errors of fields, in the order in which the fields were read.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct FieldErrors(Vec<(Cow<'static, str>, &'static str)>);

impl FieldErrors {
    /// Adds one.
    pub fn push(&mut self, field: impl Into<Cow<'static, str>>, message: &'static str) {
        self.0.push((field.into(), message));
    }

    /// There is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// `{"amount":["…"]}`
impl Serialize for FieldErrors {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (field, message) in &self.0 {
            map.serialize_entry(&**field, &[message])?;
        }
        map.end()
    }
}

impl From<Code> for ApiError {
    fn from(code: Code) -> Self {
        Self::new(code, Detail::None)
    }
}

impl From<FieldErrors> for ApiError {
    fn from(errors: FieldErrors) -> Self {
        Self::new(Code::ValidationFailed, Detail::Fields(errors))
    }
}

impl ApiError {
    /// A code with its details.
    #[must_use]
    pub fn new(code: Code, detail: Detail) -> Self {
        Self { code, detail, replayed: false, security_event: None }
    }

    /// Marks it as the stored response to an earlier request with the same key.
    #[must_use]
    pub fn replayed(self, replayed: bool) -> Self {
        Self { replayed, ..self }
    }

    /// Marks it as a security event.
    #[must_use]
    pub fn recorded_as(self, event: SecurityEvent) -> Self {
        Self { security_event: Some(event), ..self }
    }

    /// The security event that it is, if it is one.
    #[must_use]
    pub const fn security_event(&self) -> Option<SecurityEvent> {
        self.security_event
    }

    /// A defect; the text is for the log.
    #[must_use]
    pub fn internal(cause: impl Into<String>) -> Self {
        Self::new(Code::Internal, Detail::Cause(cause.into()))
    }

    /// Logs the cause, which the client does not see.
    fn log(&self) {
        let code = self.code.as_str();
        match (&self.detail, self.code) {
            (Detail::Cause(cause), Code::Internal) => tracing::error!(code, cause, "request failed"),
            (Detail::Cause(cause), _) => tracing::warn!(code, cause, "request failed"),
            (_, Code::Internal | Code::OutcomeUnknown) => tracing::warn!(code, "request failed"),
            _ => {}
        }
    }

    fn body(&self) -> serde_json::Result<Vec<u8>> {
        let code = self.code;
        if code.status().is_server_error() {
            return serde_json::to_vec(&ServerError { status: "error", message: code.message(), code });
        }
        let error = match &self.detail {
            Detail::Message(text) => Reason::Message(text),
            Detail::Fields(errors) => Reason::Fields(errors),
            _ => Reason::Message(code.message()),
        };
        let transaction_id = match self.detail {
            Detail::Transaction(id) => Some(id),
            _ => None,
        };
        serde_json::to_vec(&ClientError {
            status: "fail",
            data: ClientErrorData { error, code, transaction_id },
        })
    }
}

/// JSend `fail`: the caller can correct the request.
#[derive(Serialize)]
struct ClientError<'a> {
    status: &'static str,
    data: ClientErrorData<'a>,
}

#[derive(Serialize)]
struct ClientErrorData<'a> {
    error: Reason<'a>,
    code: Code,
    #[serde(skip_serializing_if = "Option::is_none")]
    transaction_id: Option<Uuid>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Reason<'a> {
    Message(&'a str),
    Fields(&'a FieldErrors),
}

/// JSend `error`: a failure of the server.
#[derive(Serialize)]
struct ServerError {
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
        let body = self.body().unwrap_or_default();
        let mut response = Response::builder().status(status).content_type("application/json").body(body);
        let headers = response.headers_mut();
        match status {
            StatusCode::UNAUTHORIZED => headers.insert(header::WWW_AUTHENTICATE, CHALLENGE),
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                headers.insert(header::RETRY_AFTER, RETRY_AFTER)
            }
            _ => None,
        };
        match &self.detail {
            Detail::Version(version) => headers.insert(WALLET_VERSION, HeaderValue::from(*version)),
            Detail::Challenge(challenge) => headers.insert(header::WWW_AUTHENTICATE, challenge.clone()),
            Detail::Methods(methods) => headers.insert(header::ALLOW, methods.clone()),
            Detail::RetryAfter(seconds) => headers.insert(header::RETRY_AFTER, HeaderValue::from(*seconds)),
            _ => None,
        };
        if self.replayed {
            headers.insert(REPLAYED, YES);
        }
        response
    }
}

/// The errors of an operation are in its [`OperationDoc`](super::document::OperationDoc), not in a type.
impl ApiResponse for ApiError {
    fn meta() -> MetaResponses {
        MetaResponses { responses: vec![] }
    }

    fn register(_: &mut Registry) {}
}
