//! What can go wrong with a payout after it was requested.

use thiserror::Error;

use crate::{
    db::DbError,
    ledger::{LedgerError, Refusal},
};

/// Why nothing was done.
#[derive(Debug, Error)]
pub enum PayoutError {
    /// No bank is configured.
    #[error("no bank is configured (BANK_URL)")]
    NoBank,
    /// Too many payouts wait.
    #[error("too many payouts wait")]
    Overloaded,
    #[error("no such payout")]
    NotFound,
    #[error("the payout does not need attention")]
    NeedsNoAttention,
    /// The worker has not given it up.
    #[error("the worker still works on the payout; it can be ended when it needs attention")]
    AtWork,
    #[error(transparent)]
    Refused(Refusal),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(transparent)]
    Db(#[from] DbError),
}
