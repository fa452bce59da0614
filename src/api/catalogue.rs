//! The catalogue of errors: one table. The OpenAPI document, `docs/errors.md` and `GET /api/v1/errors` are held to it.

use poem::http::StatusCode;
use serde::{Serialize, Serializer};

/// A stable word that clients switch on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Code {
    ValidationFailed,
    MalformedBody,
    InvalidHeader,
    AlreadyEnabled,
    AlreadyDisabled,
    AlreadyFrozen,
    NotFrozen,
    DuplicateReference,
    InsufficientFunds,
    BalanceLimit,
    SelfTransfer,
    CurrencyMismatch,
    Unauthorized,
    InsufficientScope,
    WalletFrozen,
    NotFound,
    WalletDisabled,
    RecipientUnavailable,
    MethodNotAllowed,
    VersionNotReached,
    PayloadTooLarge,
    UnsupportedMediaType,
    IdempotencyKeyReused,
    RateLimited,
    Internal,
    Overloaded,
    Unavailable,
    OutcomeUnknown,
}

/// What the catalogue says of a code.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    pub code: Code,
    /// The code as clients see it.
    pub word: &'static str,
    pub status: StatusCode,
    /// For people; it may change, the word does not.
    pub sentence: &'static str,
    /// Whether the same request, sent again as it is, may be answered otherwise.
    pub retry: bool,
}

/// Builds an [`Entry`]; the last word is `again` where a retry may help.
macro_rules! entry {
    ($code:ident $word:literal $status:ident $sentence:literal) => {
        Entry {
            code: Code::$code,
            word: $word,
            status: StatusCode::$status,
            sentence: $sentence,
            retry: false,
        }
    };
    ($code:ident $word:literal $status:ident $sentence:literal again) => {
        Entry {
            code: Code::$code,
            word: $word,
            status: StatusCode::$status,
            sentence: $sentence,
            retry: true,
        }
    };
}

/// Every error, in the order of [`Code`].
#[rustfmt::skip]
pub const CATALOGUE: [Entry; 28] = [
    entry!(ValidationFailed "validation_failed" BAD_REQUEST "A field is missing or has a wrong value"),
    entry!(MalformedBody "malformed_body" BAD_REQUEST "The body cannot be read"),
    entry!(InvalidHeader "invalid_header" BAD_REQUEST "A header has a wrong value"),
    entry!(AlreadyEnabled "already_enabled" BAD_REQUEST "Already enabled"),
    entry!(AlreadyDisabled "already_disabled" BAD_REQUEST "Already disabled"),
    entry!(AlreadyFrozen "already_frozen" BAD_REQUEST "Already frozen"),
    entry!(NotFrozen "not_frozen" BAD_REQUEST "Not frozen"),
    entry!(DuplicateReference "duplicate_reference" BAD_REQUEST "The reference_id was used before"),
    entry!(InsufficientFunds "insufficient_funds" BAD_REQUEST "Insufficient funds" again),
    entry!(BalanceLimit "balance_limit" BAD_REQUEST "The balance would pass its limit" again),
    entry!(SelfTransfer "self_transfer" BAD_REQUEST "A wallet cannot transfer to itself"),
    entry!(CurrencyMismatch "currency_mismatch" BAD_REQUEST "The wallets have different currencies"),
    entry!(Unauthorized "unauthorized" UNAUTHORIZED "Unauthorized"),
    entry!(InsufficientScope "insufficient_scope" FORBIDDEN "The token does not allow this"),
    entry!(WalletFrozen "wallet_frozen" FORBIDDEN "Wallet frozen" again),
    entry!(NotFound "not_found" NOT_FOUND "Not found"),
    entry!(WalletDisabled "wallet_disabled" NOT_FOUND "Wallet disabled" again),
    entry!(RecipientUnavailable "recipient_unavailable" NOT_FOUND "The recipient is unavailable" again),
    entry!(MethodNotAllowed "method_not_allowed" METHOD_NOT_ALLOWED "Method not allowed"),
    entry!(VersionNotReached "version_not_reached" PRECONDITION_FAILED "The wallet has not reached this version" again),
    entry!(PayloadTooLarge "payload_too_large" PAYLOAD_TOO_LARGE "The body is larger than 64 KiB"),
    entry!(UnsupportedMediaType "unsupported_media_type" UNSUPPORTED_MEDIA_TYPE
        "Send JSON, a form or multipart/form-data"),
    entry!(IdempotencyKeyReused "idempotency_key_reused" UNPROCESSABLE_ENTITY
        "The Idempotency-Key was used for another request"),
    entry!(RateLimited "rate_limited" TOO_MANY_REQUESTS "Too many requests" again),
    entry!(Internal "internal" INTERNAL_SERVER_ERROR "Something is broken on our side"),
    entry!(Overloaded "overloaded" SERVICE_UNAVAILABLE "Too much to do; nothing was done" again),
    entry!(Unavailable "unavailable" SERVICE_UNAVAILABLE "The service is not available; nothing was done" again),
    entry!(OutcomeUnknown "outcome_unknown" SERVICE_UNAVAILABLE
        "Whether it was done is not known; the same request again tells" again),
];

impl Code {
    /// What the catalogue says of this code.
    #[must_use]
    pub const fn entry(self) -> &'static Entry {
        // The table stands in the order of the variants; a test holds it to that.
        &CATALOGUE[self as usize]
    }

    /// The code as clients see it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        self.entry().word
    }

    /// The HTTP status that goes with it.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        self.entry().status
    }

    /// The sentence for people.
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        self.entry().sentence
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_table_stands_in_the_order_of_the_codes_and_no_word_twice() {
        for (at, entry) in CATALOGUE.iter().enumerate() {
            assert_eq!(entry.code as usize, at, "{}", entry.word);
            assert_eq!(entry.code.word(), entry.word);
            assert!(entry.word.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{}", entry.word);
        }
        let words: HashSet<_> = CATALOGUE.iter().map(|entry| entry.word).collect();
        assert_eq!(words.len(), CATALOGUE.len());
    }

    /// `docs/errors.md` has a row for each code, in the same order, and no other.
    #[test]
    fn the_document_says_the_same() {
        let document = include_str!("../../docs/errors.md");
        let rows: Vec<&str> = document.lines().filter(|line| line.starts_with("| `")).collect();
        let expected: Vec<String> = CATALOGUE
            .iter()
            .map(|Entry { word, status, sentence, retry, .. }| {
                format!(
                    "| `{word}` | {} | {sentence} | {} |",
                    status.as_u16(),
                    if *retry { "yes" } else { "no" }
                )
            })
            .collect();
        assert_eq!(rows, expected, "docs/errors.md should read:\n{}", expected.join("\n"));
    }
}
