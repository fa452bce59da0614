//! What keeps the ledger from deciding. A [`Refusal`](super::Refusal) is no error: it is a decision.

use thiserror::Error;

use super::Refusal;
use crate::db::DbError;

/// Why an operation got no decision, or the decision that refused it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum LedgerError {
    /// Decided, and the answer is no.
    #[error("{refusal}")]
    Refused {
        refusal: Refusal,
        /// It is the first answer to a key, told again.
        replayed: bool,
    },
    /// The queue is full; nothing was done.
    #[error("the posting queue is full")]
    Overloaded,
    /// Postgres is away; nothing was done.
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
        if error.is_passing() { Self::Unavailable } else { Self::Internal(error.to_string()) }
    }
}
