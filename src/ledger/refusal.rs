//! The ledger's business "no". A refusal is an answer, not an error: it was decided under the locks.

use thiserror::Error;

use crate::kernel::{ids::OperationId, money::MAX_MINOR_UNITS};

/// Why an operation was refused. The variants are in the order in which the ledger judges: the first that holds is
/// the answer, so that the same bad request always gets the same one.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// The key came before with another request. Not remembered: the key keeps its first answer.
    #[error("the key was used with another request")]
    KeyReused,
    #[error("no such wallet")]
    WalletNotFound,
    /// The reference is used up by an earlier transaction of this wallet and kind.
    #[error("the reference was used by transaction {transaction_id}")]
    DuplicateReference { transaction_id: OperationId },
    #[error("no such hold")]
    HoldNotFound,
    #[error("the hold was captured")]
    HoldCaptured,
    #[error("the hold was voided")]
    HoldVoided,
    #[error("the hold has expired")]
    HoldExpired,
    #[error("no such payout")]
    PayoutNotFound,
    /// The bank has not paid yet, so nothing can have come back.
    #[error("the payout is pending")]
    PayoutPending,
    #[error("the payout was settled")]
    PayoutSettled,
    #[error("the payout was returned")]
    PayoutReturned,
    #[error("the payout was settled and has come back")]
    PayoutReversed,
    #[error("the wallet is enabled already")]
    AlreadyEnabled,
    #[error("the wallet is disabled already")]
    AlreadyDisabled,
    #[error("the wallet is frozen already")]
    AlreadyFrozen,
    #[error("the wallet is not frozen")]
    NotFrozen,
    #[error("the wallet is disabled")]
    WalletDisabled,
    #[error("the wallet is frozen")]
    WalletFrozen,
    /// A deposit that waits until a moment that has passed, or that is more than ten years ahead.
    #[error("the release is not within the next ten years")]
    ReleaseOutOfRange,
    /// A hold that expires at a moment that has passed, or that is more than 90 days ahead.
    #[error("the expiry is not within the next 90 days")]
    ExpiryOutOfRange,
    #[error("the sender is the receiver")]
    SelfTransfer,
    /// A capture, with its fee, of more than is held; all numbers in minor units.
    #[error("{held} held, {required} required")]
    HoldExceeded { held: i64, required: i64 },
    /// Kept in the books as a refused transaction if it was a withdrawal; all numbers in minor units.
    #[error("{available} available, {required} required")]
    InsufficientFunds { available: i64, required: i64 },
    /// Unknown, disabled, frozen, a balance above 2^52, or an amount of 2^52 or more whatever the balance is: one
    /// answer, so that no caller learns of another's wallet.
    #[error("the recipient cannot receive this")]
    RecipientUnavailable,
    #[error("the wallets have different currencies")]
    CurrencyMismatch,
    #[error("the balance would pass {MAX_MINOR_UNITS}")]
    BalanceLimit,
}
