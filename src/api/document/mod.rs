//! What the OpenAPI document says of an operation beside its types: its errors and its examples. Each operation's notes stand
//! beside its handler; `openapi.rs` puts them together.

pub mod errors;
pub mod samples;
pub mod schemas;

use poem_openapi::Tags;
use serde::Serialize;
use serde_json::Value;

use super::catalogue::Code;

/// How the operations are grouped.
#[derive(Tags)]
pub enum Tag {
    /// Opening a wallet and getting a token.
    Start,
    /// A customer's own wallet.
    Wallet,
    /// For back ends, with a token of scope `service`.
    Service,
    /// For the back office, with a token of scope `admin`.
    Admin,
    /// The catalogue of errors.
    Errors,
    /// For operators.
    Operation,
}

/// What the document says of an operation beside its types.
pub struct Notes {
    /// The operation's id.
    pub id: &'static str,
    /// The errors that it can answer with, in groups; [`EVERY`] goes without saying.
    pub codes: &'static [&'static [Code]],
    /// What may be sent.
    pub request: Option<Value>,
    /// What is in `data` then.
    pub answer: Option<Value>,
}

/// Errors of every path and every operation.
pub const EVERY: &[Code] = &[Code::MethodNotAllowed, Code::Internal];
/// Errors of what needs a token.
pub const SIGNED_IN: &[Code] = &[Code::Unauthorized, Code::InsufficientScope, Code::RateLimited];
/// Errors of what is sent with fields.
pub const BODY: &[Code] =
    &[Code::ValidationFailed, Code::MalformedBody, Code::PayloadTooLarge, Code::UnsupportedMediaType];
/// Errors of what takes an Idempotency-Key.
pub const KEYED: &[Code] = &[Code::InvalidHeader, Code::IdempotencyKeyReused];
/// Errors of what reads a wallet.
pub const READING: &[Code] =
    &[Code::InvalidHeader, Code::NotFound, Code::WalletDisabled, Code::VersionNotReached, Code::Unavailable];
/// Errors of a customer's payment.
pub const MOVING: &[Code] = &[Code::DuplicateReference, Code::WalletDisabled, Code::WalletFrozen];
/// Errors of what goes through the posting loop.
pub const POSTING: &[Code] = &[Code::NotFound, Code::Overloaded, Code::Unavailable, Code::OutcomeUnknown];

/// An example of `data`, from the very type that is answered with.
pub fn sample<T: Serialize>(data: &T) -> Option<Value> {
    serde_json::to_value(data).ok()
}
