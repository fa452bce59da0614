//! An error on its way to the client, and how it is written down.

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

/// How long a client should wait before it tries again, in seconds.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");
/// What a request without credentials is asked for (RFC 6750, section 3).
const CHALLENGE: HeaderValue = HeaderValue::from_static("Bearer realm=\"wallet\"");

/// A code of the catalogue, and what there is to say beside it.
#[derive(Debug, Error)]
#[error("{}", code.as_str())]
pub struct ApiError {
    code: Code,
    detail: Detail,
    /// It is the stored answer to an earlier request with the same key.
    replayed: bool,
    security_event: Option<SecurityEvent>,
}

/// What there is to say beside the code.
#[derive(Debug)]
pub enum Detail {
    /// Nothing: the catalogue's sentence says it all.
    None,
    /// A better message than the catalogue's.
    Message(&'static str),
    /// What is wrong with which field, in place of a sentence.
    Fields(FieldErrors),
    /// The transaction that used the reference.
    Transaction(Uuid),
    /// The wallet's version now.
    Version(i64),
    /// What was wrong with the credentials, for `WWW-Authenticate`.
    Challenge(HeaderValue),
    /// The methods that the path has, for `Allow`.
    Methods(HeaderValue),
    /// How long to wait in place of a second, in seconds, for `Retry-After`.
    RetryAfter(u64),
    /// For the log only.
    Cause(String),
}

/// What is wrong with which field, in the order in which the fields were looked at.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct FieldErrors(Vec<(Cow<'static, str>, &'static str)>);

impl FieldErrors {
    /// Notes one.
    pub fn push(&mut self, field: impl Into<Cow<'static, str>>, message: &'static str) {
        self.0.push((field.into(), message));
    }

    /// Nothing is wrong.
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
    /// A code and what there is to say beside it.
    #[must_use]
    pub fn new(code: Code, detail: Detail) -> Self {
        Self { code, detail, replayed: false, security_event: None }
    }

    /// Marks it as the stored answer to an earlier request with the same key.
    #[must_use]
    pub fn replayed(self, replayed: bool) -> Self {
        Self { replayed, ..self }
    }

    /// Marks it as a security event.
    #[must_use]
    pub fn noted_as(self, event: SecurityEvent) -> Self {
        Self { security_event: Some(event), ..self }
    }

    /// The security event that it is, if it is one.
    #[must_use]
    pub const fn security_event(&self) -> Option<SecurityEvent> {
        self.security_event
    }

    /// A defect of ours; the text is for the log.
    #[must_use]
    pub fn internal(cause: impl Into<String>) -> Self {
        Self::new(Code::Internal, Detail::Cause(cause.into()))
    }

    /// Tells the log what the client is not told.
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
            return serde_json::to_vec(&Broken { status: "error", message: code.message(), code });
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
    Message(&'a str),
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

/// Which errors an operation has stands in its notes, not in a type.
impl ApiResponse for ApiError {
    fn meta() -> MetaResponses {
        MetaResponses { responses: vec![] }
    }

    fn register(_: &mut Registry) {}
}
