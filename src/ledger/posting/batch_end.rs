//! How a batch ends, and how one run over it does.

use tokio::time::Instant;

use super::left_out::LeftOut;
use crate::{
    db::DbError,
    ledger::{
        book::{MoreDue, Proof},
        operation::Operation,
        outcome::Outcome,
    },
};

/// Why a batch got no decisions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The commit was never sent, or did not take place; nothing was done.
    Unavailable,
    /// The commit was sent and lost, and Postgres could not be asked in time.
    OutcomeUnknown,
    /// Another session holds a key or a reference that the batch would insert; nothing was done.
    Stuck,
    /// The batch cannot be written; the text is for the log.
    Defect(String),
}

/// What the book said of an operation.
pub(crate) type Applied = Result<Outcome, MoreDue>;

/// What became of a batch.
pub(crate) struct Report {
    /// The operations that were left out, in order. Nothing was done about them, whatever `result` says.
    pub(crate) left_out: Vec<LeftOut>,
    /// The outcomes of the others, in order; [`MoreDue`] goes back into the queue.
    pub(crate) result: Result<Vec<Applied>, Failure>,
}

/// The outcomes of a batch but for those that were left out.
pub(super) struct Decided {
    pub(super) outcomes: Vec<Applied>,
    pub(super) left_out: Vec<LeftOut>,
    /// What proves that the batch was committed; none: there is nothing to commit.
    pub(super) proof: Option<Proof>,
}

/// Why a run ended before its commit.
pub(super) enum Halt {
    Db(DbError),
    /// Another session holds a wallet.
    AtLocks(String),
    /// Another session holds a key or a reference.
    AtWrite,
    /// Postgres' clock can't be believed.
    Undated,
}

impl From<DbError> for Halt {
    fn from(error: DbError) -> Self {
        Self::Db(error)
    }
}

impl Halt {
    pub(super) fn at_locks(error: DbError) -> Self {
        match error {
            DbError::Locked(reason) => Self::AtLocks(reason),
            other => Self::Db(other),
        }
    }

    pub(super) fn at_write(error: DbError) -> Self {
        if matches!(error, DbError::Locked(_)) { Self::AtWrite } else { Self::Db(error) }
    }

    /// Whether the session is as good as before, once its transaction is rolled back.
    pub(super) fn leaves_a_sound_session(&self) -> bool {
        matches!(self, Self::AtLocks(_) | Self::AtWrite | Self::Undated)
    }
}

/// How one run over a batch ended.
pub(super) enum Run {
    Done(Decided),
    /// Nothing was done.
    Halted(Halt),
    /// The commit was sent; no answer came.
    CommitLost {
        decided: Decided,
        sent_at: Instant,
        /// What Postgres said, if it said anything.
        refusal: Option<DbError>,
    },
}

/// A run whose commit was sent and lost.
pub(super) struct Lost<'a> {
    /// What it decided about: the batch but for what was left out.
    pub(super) operations: Vec<&'a Operation>,
    pub(super) decided: Decided,
    /// Why Postgres refused the commit, where it did.
    pub(super) refusal: Option<DbError>,
}
