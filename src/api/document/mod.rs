//! What the OpenAPI document says of an operation in addition to its types: its errors and its examples. Each operation is
//! documented in the file of its handler; `openapi.rs` assembles the document.

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
    /// People: signing up and in, and what they say of themselves.
    People,
    /// A customer's own wallet.
    Wallet,
    /// For services, with a token of scope `service`.
    Service,
    /// For the back office, with a token of scope `admin`.
    Admin,
    /// For the bank that pays payouts.
    Bank,
    /// The catalogue of errors.
    Errors,
    /// For operators.
    Operation,
}

/// The documentation of an operation in addition to its types.
pub struct OperationDoc {
    /// The operation's id.
    pub id: &'static str,
    /// Its errors, in groups; [`EVERY`] is always added.
    pub codes: &'static [&'static [Code]],
    /// An example of the request.
    pub request: Option<Value>,
    /// The `data` of its response.
    pub answer: Option<Value>,
}

/// Errors of every path and every operation.
pub const EVERY: &[Code] = &[Code::MethodNotAllowed, Code::Internal];
/// Errors of operations that need a token.
pub const SIGNED_IN: &[Code] = &[Code::Unauthorized, Code::InsufficientScope, Code::RateLimited];
/// Errors of operations with a body.
pub const BODY: &[Code] =
    &[Code::ValidationFailed, Code::MalformedBody, Code::PayloadTooLarge, Code::UnsupportedMediaType];
/// Errors of operations with an Idempotency-Key.
pub const KEYED: &[Code] = &[Code::InvalidHeader, Code::IdempotencyKeyReused];
/// Errors of reads of a wallet.
pub const READING: &[Code] =
    &[Code::InvalidHeader, Code::NotFound, Code::WalletDisabled, Code::VersionNotReached, Code::Unavailable];
/// Errors of a customer's payment.
pub const MOVING: &[Code] = &[Code::DuplicateReference, Code::WalletDisabled, Code::WalletFrozen];
/// Errors of operations that the posting loop decides.
pub const POSTING: &[Code] = &[Code::NotFound, Code::Overloaded, Code::Unavailable, Code::OutcomeUnknown];

/// An example of `data`, from the very type that is answered with.
pub fn sample<T: Serialize>(data: &T) -> Option<Value> {
    serde_json::to_value(data).ok()
}
