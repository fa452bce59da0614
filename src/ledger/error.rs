//! Why the ledger could not decide. A [`Refusal`](super::Refusal) is no error: it is a decision.

use thiserror::Error;

use crate::db::DbError;

/// Why an operation has no decision.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum LedgerError {
    /// The queue is full; nothing was done.
    #[error("the posting queue is full")]
    Overloaded,
    /// Postgres is unavailable; nothing was done.
    #[error("the books cannot be reached")]
    Unavailable,
    /// The commit was sent, and whether it took place could not be found out in time.
    #[error("whether the commit took place is not known")]
    OutcomeUnknown,
    /// A defect; the text is for the log.
    #[error("{0}")]
    Internal(String),
}

impl From<DbError> for LedgerError {
    fn from(error: DbError) -> Self {
        if error.is_transient() { Self::Unavailable } else { Self::Internal(error.to_string()) }
    }
}
