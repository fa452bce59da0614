//! What is stored in `keys.outcome`: the decision of a key that does not follow from the books, as JSON with its format's number.
//! Money that was booked is not stored here; its receipt is read from its entry.
//!
//! Stored records live as long as their keys, those of status changes for ever. A new shape gets a new number, and the old
//! ones stay readable (`tests/it/golden`).

use serde::{Deserialize, Serialize};

use crate::{
    db::DbError,
    kernel::{buckets::Buckets, clock::Timestamp, currency::Currency, ids::OperationId, status::Status},
    ledger::{
        outcome::{BalanceAfter, Decision, Done, StatusReceipt},
        refusal::Refusal,
    },
};

/// The stored decision.
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum OutcomeRecord {
    Numbered {
        v: u16,
        #[serde(flatten)]
        answer: Answer,
    },
    /// Records without a number, as they were written at first.
    Unnumbered(v0::Record),
}

/// Format 1.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Answer {
    Refused(RefusalRecord),
    StatusChanged(StatusRecord),
}

const FORMAT: u16 = 1;

/// A refusal by its word; numbers are minor units.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum RefusalRecord {
    KeyReused,
    WalletNotFound,
    DuplicateReference { transaction_id: OperationId },
    HoldNotFound,
    HoldCaptured,
    HoldVoided,
    HoldExpired,
    PayoutNotFound,
    PayoutPending,
    PayoutSettled,
    PayoutReturned,
    PayoutReversed,
    AlreadyEnabled,
    AlreadyDisabled,
    AlreadyFrozen,
    NotFrozen,
    WalletDisabled,
    WalletFrozen,
    ReleaseOutOfRange,
    ExpiryOutOfRange,
    SelfTransfer,
    HoldExceeded { held: i64, required: i64 },
    InsufficientFunds { available: i64, required: i64 },
    RecipientUnavailable,
    CurrencyMismatch,
    BalanceLimit,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct StatusRecord {
    id: OperationId,
    occurred_at: Timestamp,
    status: Status,
    frozen: bool,
    status_version: i64,
    enabled_at: Option<Timestamp>,
    disabled_at: Option<Timestamp>,
    currency: Currency,
    buckets: Buckets,
    version: i64,
}

impl OutcomeRecord {
    /// The record of a decision; none for booked money.
    pub(super) fn of(decision: &Decision) -> Option<Self> {
        let answer = match decision {
            // What is settled has no key: no client asks for it.
            Ok(Done::Money(_) | Done::Preview(_) | Done::Settled(_)) => return None,
            Ok(Done::Status(receipt)) => Answer::StatusChanged(receipt.into()),
            Err(refusal) => Answer::Refused(refusal.into()),
        };
        Some(Self::Numbered { v: FORMAT, answer })
    }

    /// The decision again.
    pub(super) fn decision(self) -> Result<Decision, DbError> {
        match self {
            Self::Numbered { v: FORMAT, answer: Answer::Refused(refusal) } => Ok(Err(refusal.into())),
            Self::Numbered { v: FORMAT, answer: Answer::StatusChanged(status) } => {
                Ok(Ok(Done::Status(status.into())))
            }
            Self::Numbered { v, .. } => {
                Err(DbError::Defect(format!("keys.outcome: format {v} is not known")))
            }
            Self::Unnumbered(record) => Ok(record.decision()),
        }
    }
}

impl From<&StatusReceipt> for StatusRecord {
    fn from(receipt: &StatusReceipt) -> Self {
        let StatusReceipt {
            id,
            occurred_at,
            status,
            frozen,
            status_version,
            enabled_at,
            disabled_at,
            balance,
        } = *receipt;
        let BalanceAfter { currency, buckets, version } = balance;
        Self {
            id,
            occurred_at,
            status,
            frozen,
            status_version,
            enabled_at,
            disabled_at,
            currency,
            buckets,
            version,
        }
    }
}

impl From<StatusRecord> for StatusReceipt {
    fn from(record: StatusRecord) -> Self {
        let StatusRecord { id, occurred_at, status, frozen, status_version, enabled_at, disabled_at, .. } =
            record;
        let balance =
            BalanceAfter { currency: record.currency, buckets: record.buckets, version: record.version };
        Self { id, occurred_at, status, frozen, status_version, enabled_at, disabled_at, balance }
    }
}

/// Both ways between [`Refusal`] and [`RefusalRecord`], so that neither has a variant that the other lacks.
macro_rules! both_ways {
    ($($variant:ident $({ $($field:ident),* })?),* $(,)?) => {
        impl From<&Refusal> for RefusalRecord {
            fn from(refusal: &Refusal) -> Self {
                match refusal.clone() {
                    $(Refusal::$variant $({ $($field),* })? => Self::$variant $({ $($field),* })?,)*
                }
            }
        }

        impl From<RefusalRecord> for Refusal {
            fn from(record: RefusalRecord) -> Self {
                match record {
                    $(RefusalRecord::$variant $({ $($field),* })? => Self::$variant $({ $($field),* })?,)*
                }
            }
        }
    };
}

both_ways!(
    KeyReused,
    WalletNotFound,
    DuplicateReference { transaction_id },
    HoldNotFound,
    HoldCaptured,
    HoldVoided,
    HoldExpired,
    PayoutNotFound,
    PayoutPending,
    PayoutSettled,
    PayoutReturned,
    PayoutReversed,
    AlreadyEnabled,
    AlreadyDisabled,
    AlreadyFrozen,
    NotFrozen,
    WalletDisabled,
    WalletFrozen,
    ReleaseOutOfRange,
    ExpiryOutOfRange,
    SelfTransfer,
    HoldExceeded { held, required },
    InsufficientFunds { available, required },
    RecipientUnavailable,
    CurrencyMismatch,
    BalanceLimit,
);

/// Records that have no number: a whole receipt with the wallet's state, or a refusal.
mod v0 {
    use serde::{Deserialize, Serialize};

    use super::{
        Buckets, Currency, Decision, Done, OperationId, RefusalRecord, Status, StatusRecord, Timestamp,
    };

    #[derive(Debug, Serialize, Deserialize)]
    pub enum Record {
        Ok(Receipt),
        Err(RefusalRecord),
    }

    #[derive(Debug, Serialize, Deserialize)]
    pub struct Receipt {
        id: OperationId,
        occurred_at: Timestamp,
        wallet: Wallet,
    }

    #[derive(Debug, Serialize, Deserialize)]
    struct Wallet {
        currency: Currency,
        status: Status,
        frozen_at: Option<Timestamp>,
        status_version: i64,
        enabled_at: Option<Timestamp>,
        disabled_at: Option<Timestamp>,
        buckets: Buckets,
        version: i64,
    }

    impl Record {
        pub fn decision(self) -> Decision {
            let Receipt { id, occurred_at, wallet } = match self {
                Self::Ok(receipt) => receipt,
                Self::Err(refusal) => return Err(refusal.into()),
            };
            let Wallet {
                currency,
                status,
                frozen_at,
                status_version,
                enabled_at,
                disabled_at,
                buckets,
                version,
            } = wallet;
            let frozen = frozen_at.is_some();
            let status = StatusRecord {
                id,
                occurred_at,
                status,
                frozen,
                status_version,
                enabled_at,
                disabled_at,
                currency,
                buckets,
                version,
            };
            Ok(Done::Status(status.into()))
        }
    }
}
