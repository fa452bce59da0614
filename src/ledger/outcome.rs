//! What becomes of an operation.

use crate::{
    kernel::{buckets::Buckets, clock::Timestamp, currency::Currency, ids::OperationId, status::Status},
    ledger::{refusal::Refusal, wallet_state::WalletState},
};

/// A wallet's balance right after an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BalanceAfter {
    pub currency: Currency,
    pub buckets: Buckets,
    /// The number of the wallet's last entry; 0 before the first.
    pub version: i64,
}

impl From<&WalletState> for BalanceAfter {
    fn from(wallet: &WalletState) -> Self {
        Self { currency: wallet.currency, buckets: wallet.buckets, version: wallet.version }
    }
}

/// Money that was booked, as the asking wallet sees it. Amount and fee are minor units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The transaction.
    pub id: OperationId,
    pub occurred_at: Timestamp,
    pub amount: i64,
    /// What the asking wallet paid beside the amount.
    pub fee: i64,
    /// When a deposit that waits may be spent, or a hold expires.
    pub due_at: Option<Timestamp>,
    pub balance: BalanceAfter,
}

/// What was due in a wallet and was booked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// The number of steps.
    pub steps: usize,
    /// Something more is due.
    pub is_more_due: bool,
    pub balance: BalanceAfter,
}

/// A status that was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusReceipt {
    /// The status change.
    pub id: OperationId,
    pub occurred_at: Timestamp,
    pub status: Status,
    pub frozen: bool,
    /// The number of the status change in the wallet.
    pub status_version: i64,
    /// When the wallet was enabled last.
    pub enabled_at: Option<Timestamp>,
    /// When the wallet was disabled last.
    pub disabled_at: Option<Timestamp>,
    pub balance: BalanceAfter,
}

/// What a dry run found: what would be booked. Amount and fee are minor units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preview {
    pub occurred_at: Timestamp,
    pub amount: i64,
    pub fee: i64,
    /// When a deposit that waits could be spent, or a hold would expire.
    pub due_at: Option<Timestamp>,
    /// The balance as it would be, at the version that the wallet has now.
    pub balance: BalanceAfter,
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Done {
    Money(Receipt),
    Status(StatusReceipt),
    Settled(Settled),
    /// Nothing: it was a dry run.
    Preview(Preview),
}

impl Done {
    /// The transaction that was booked, or that has another step now.
    #[must_use]
    pub const fn transaction(&self) -> Option<OperationId> {
        match self {
            Self::Money(receipt) => Some(receipt.id),
            Self::Status(_) | Self::Settled(_) | Self::Preview(_) => None,
        }
    }

    /// The balance of the asking wallet after it.
    #[must_use]
    pub const fn balance(&self) -> &BalanceAfter {
        match self {
            Self::Money(Receipt { balance, .. })
            | Self::Status(StatusReceipt { balance, .. })
            | Self::Settled(Settled { balance, .. })
            | Self::Preview(Preview { balance, .. }) => balance,
        }
    }
}

/// Done, or refused: both are answers.
pub type Decision = Result<Done, Refusal>;

/// A decision, and whether it was made now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    pub decision: Decision,
    /// The decision is the stored one of an earlier operation with the same key.
    pub replayed: bool,
}

impl Outcome {
    /// A decision that was made now.
    #[must_use]
    pub const fn new(decision: Decision) -> Self {
        Self { decision, replayed: false }
    }
}

/// The stored decision of a key, and the request that it was made for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyRecord {
    /// SHA-256 of the request; see [`Key`](super::Key).
    pub request_hash: [u8; 32],
    pub decision: Decision,
}
