//! The catalogue of errors: one table of codes, and the code of each refusal. The OpenAPI document, `docs/errors.md` and `GET /api/v1/errors` are
//! compared with it by tests.

use poem::http::StatusCode;
use serde::{Serialize, Serializer};

use crate::ledger::Refusal;

/// What the catalogue says of a code.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    pub code: Code,
    /// The code as clients see it.
    pub name: &'static str,
    pub status: StatusCode,
    /// For people; it may change, the name does not.
    pub message: &'static str,
    /// Whether the same request, sent again as it is, may be answered otherwise.
    pub retry: bool,
}

/// Defines [`Code`] and [`CATALOGUE`], a line for each code. `retry` at its end: a retry may help.
macro_rules! catalogue {
    ($($code:ident $name:literal $status:ident $message:literal $($retry:ident)?;)+) => {
        /// A stable name that clients switch on.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code {
            $($code,)+
        }

        /// Every error, in the order of [`Code`].
        pub const CATALOGUE: &[Entry] = &[$(
            Entry {
                code: Code::$code,
                name: $name,
                status: StatusCode::$status,
                message: $message,
                retry: matches!(stringify!($($retry)?).as_bytes(), b"retry"),
            },
        )+];
    };
}

catalogue! {
    ValidationFailed "validation_failed" BAD_REQUEST "A field is missing or has a wrong value";
    MalformedBody "malformed_body" BAD_REQUEST "The body cannot be read";
    InvalidHeader "invalid_header" BAD_REQUEST "A header has a wrong value";
    AlreadyEnabled "already_enabled" BAD_REQUEST "Already enabled";
    AlreadyDisabled "already_disabled" BAD_REQUEST "Already disabled";
    AlreadyFrozen "already_frozen" BAD_REQUEST "Already frozen";
    NotFrozen "not_frozen" BAD_REQUEST "Not frozen";
    DuplicateReference "duplicate_reference" BAD_REQUEST "The reference_id was used before";
    InsufficientFunds "insufficient_funds" BAD_REQUEST "Insufficient funds" retry;
    BalanceLimit "balance_limit" BAD_REQUEST "The balance would pass its limit" retry;
    SelfTransfer "self_transfer" BAD_REQUEST "A wallet cannot transfer to itself";
    CurrencyMismatch "currency_mismatch" BAD_REQUEST "The wallets have different currencies";
    HoldCaptured "hold_captured" BAD_REQUEST "The hold was captured";
    HoldVoided "hold_voided" BAD_REQUEST "The hold was voided";
    HoldExpired "hold_expired" BAD_REQUEST "The hold has expired";
    HoldExceeded "hold_exceeded" BAD_REQUEST "More than is held, with the fee";
    Unauthorized "unauthorized" UNAUTHORIZED "Unauthorized";
    InsufficientScope "insufficient_scope" FORBIDDEN "The token does not allow this";
    WalletFrozen "wallet_frozen" FORBIDDEN "Wallet frozen" retry;
    NotFound "not_found" NOT_FOUND "Not found";
    WalletDisabled "wallet_disabled" NOT_FOUND "Wallet disabled" retry;
    RecipientUnavailable "recipient_unavailable" NOT_FOUND "The recipient is unavailable" retry;
    EmailTaken "email_taken" CONFLICT "The e-mail address is taken";
    MethodNotAllowed "method_not_allowed" METHOD_NOT_ALLOWED "Method not allowed";
    VersionNotReached "version_not_reached" PRECONDITION_FAILED "The wallet has not reached this version" retry;
    PayloadTooLarge "payload_too_large" PAYLOAD_TOO_LARGE "The body is larger than 64 KiB";
    UnsupportedMediaType "unsupported_media_type" UNSUPPORTED_MEDIA_TYPE "Send JSON, a form or multipart/form-data";
    IdempotencyKeyReused "idempotency_key_reused" UNPROCESSABLE_ENTITY "The Idempotency-Key was used for another request";
    RateLimited "rate_limited" TOO_MANY_REQUESTS "Too many requests" retry;
    Internal "internal" INTERNAL_SERVER_ERROR "Internal error";
    Overloaded "overloaded" SERVICE_UNAVAILABLE "Overloaded; nothing was done" retry;
    Unavailable "unavailable" SERVICE_UNAVAILABLE "The service is not available; nothing was done" retry;
    OutcomeUnknown "outcome_unknown" SERVICE_UNAVAILABLE "The outcome is not known; repeat the same request to learn it" retry;
}

/// The code of each refusal of the ledger.
impl From<&Refusal> for Code {
    fn from(refusal: &Refusal) -> Self {
        match refusal {
            Refusal::KeyReused => Self::IdempotencyKeyReused,
            // The token is of another installation: a wallet that is not here is answered as if it did not exist.
            Refusal::WalletNotFound => Self::NotFound,
            Refusal::DuplicateReference { .. } => Self::DuplicateReference,
            Refusal::HoldNotFound => Self::NotFound,
            // A payout is ended by its worker and by operators, never by a request.
            Refusal::PayoutNotFound
            | Refusal::PayoutPending
            | Refusal::PayoutSettled
            | Refusal::PayoutReturned
            | Refusal::PayoutReversed => Self::Internal,
            Refusal::HoldCaptured => Self::HoldCaptured,
            Refusal::HoldVoided => Self::HoldVoided,
            Refusal::HoldExpired => Self::HoldExpired,
            Refusal::AlreadyEnabled => Self::AlreadyEnabled,
            Refusal::AlreadyDisabled => Self::AlreadyDisabled,
            Refusal::AlreadyFrozen => Self::AlreadyFrozen,
            Refusal::NotFrozen => Self::NotFrozen,
            Refusal::WalletDisabled => Self::WalletDisabled,
            Refusal::WalletFrozen => Self::WalletFrozen,
            Refusal::ReleaseOutOfRange | Refusal::ExpiryOutOfRange => Self::ValidationFailed,
            Refusal::HoldExceeded { .. } => Self::HoldExceeded,
            Refusal::SelfTransfer => Self::SelfTransfer,
            Refusal::InsufficientFunds { .. } => Self::InsufficientFunds,
            Refusal::RecipientUnavailable => Self::RecipientUnavailable,
            Refusal::CurrencyMismatch => Self::CurrencyMismatch,
            Refusal::BalanceLimit => Self::BalanceLimit,
        }
    }
}

impl Code {
    /// What the catalogue says of this code.
    #[must_use]
    pub const fn entry(self) -> &'static Entry {
        // Codes and entries are in the same order.
        &CATALOGUE[self as usize]
    }

    /// The code as clients see it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.entry().name
    }

    /// The HTTP status that goes with it.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        self.entry().status
    }

    /// The message for people.
    #[must_use]
    pub const fn message(self) -> &'static str {
        self.entry().message
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_the_codes_and_has_no_name_twice() {
        for (at, entry) in CATALOGUE.iter().enumerate() {
            assert_eq!(entry.code as usize, at, "{}", entry.name);
            assert_eq!(entry.code.as_str(), entry.name);
            assert!(entry.name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{}", entry.name);
        }
        let names: HashSet<_> = CATALOGUE.iter().map(|entry| entry.name).collect();
        assert_eq!(names.len(), CATALOGUE.len());
    }

    /// `docs/errors.md` has a row for each code, in the same order, and no other.
    #[test]
    fn the_document_says_the_same() {
        let document = include_str!("../../docs/errors.md");
        let rows: Vec<&str> = document.lines().filter(|line| line.starts_with("| `")).collect();
        let expected: Vec<String> = CATALOGUE
            .iter()
            .map(|Entry { name, status, message, retry, .. }| {
                format!(
                    "| `{name}` | {} | {message} | {} |",
                    status.as_u16(),
                    if *retry { "yes" } else { "no" }
                )
            })
            .collect();
        assert_eq!(rows, expected, "docs/errors.md should read:\n{}", expected.join("\n"));
    }
}
