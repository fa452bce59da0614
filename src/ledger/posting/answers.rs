//! Answering the callers of operations.

use tracing::error;

use super::{backlog::Numbered, batch_end::Failure, time_limits::QUEUE_TIMEOUT, waiting::Waiting};
use crate::ledger::{error::LedgerError, outcome::Outcome};

/// Gives a caller the outcome of its operation.
pub(super) fn answer(waiting: Waiting, outcome: Outcome) {
    // A caller that has hung up meanwhile learns the outcome by sending the request again.
    let _ = waiting.answer.send(Ok(outcome));
}

/// Whether an operation has waited for [`QUEUE_TIMEOUT`].
pub(super) fn waited_too_long(waiting: &Waiting) -> bool {
    waiting.since.elapsed() >= QUEUE_TIMEOUT
}

/// Answers operations that have waited too long: nothing was done.
pub(super) fn give_up(given_up: Vec<Waiting>) {
    metrics::counter!("wallet_operations_given_up_total").increment(given_up.len() as u64);
    given_up.into_iter().for_each(|waiting| fail(waiting, &Failure::Unavailable));
}

/// Answers a batch that got no decisions.
pub(super) fn fail_all(batch: Vec<Numbered<Waiting>>, failure: &Failure) {
    batch.into_iter().for_each(|(_, waiting)| fail(waiting, failure));
}

/// Answers one operation that got no decision.
pub(super) fn fail(waiting: Waiting, failure: &Failure) {
    let error = match failure {
        Failure::Unavailable | Failure::Stuck => LedgerError::Unavailable,
        Failure::OutcomeUnknown => LedgerError::OutcomeUnknown,
        Failure::Defect(reason) => {
            error!(operation = ?waiting.operation, reason, "an operation cannot be booked");
            LedgerError::Internal(reason.clone())
        }
    };
    let _ = waiting.answer.send(Err(error));
}
