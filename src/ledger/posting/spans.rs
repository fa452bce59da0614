//! The way of an operation through the queue and its batch, for logs at debug and for traces: the operation's span is a child of
//! the request's, the batch's follows from those of its operations. Where neither is recorded they cost a comparison.

use std::time::Duration;

use tracing::{Span, debug, debug_span, field::Empty};

use super::{backlog::Numbered, waiting::Waiting};
use crate::ledger::operation::Operation;

/// The span of an operation, from its place in the queue to its answer.
pub(super) fn operation_span(operation: &Operation) -> Span {
    debug_span!("operation", operation = %operation.id, wallet = %operation.wallet)
}

/// The span of a batch: the batch writer notes there how long it waited for the wallets' locks and for the commit.
pub(super) fn batch_span(number: u64, batch: &[Numbered<Waiting>]) -> Span {
    let span =
        debug_span!("batch", batch = number, operations = batch.len(), lock_ms = Empty, commit_ms = Empty);
    for (_, waiting) in batch {
        span.follows_from(&waiting.span);
    }
    span
}

/// Says in an operation's own span which batch it was decided in, and how long it has waited since it arrived.
pub(super) fn note_decided(waiting: &Waiting, number: u64) {
    let waited_ms = millis(waiting.since.elapsed());
    waiting.span.in_scope(|| debug!(batch = number, waited_ms, "the operation was decided"));
}

/// Milliseconds, with their fractions.
#[allow(clippy::float_arithmetic)] // for people, and no money
pub(super) fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}
