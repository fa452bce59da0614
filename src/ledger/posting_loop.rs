//! The posting loop: operations wait in a bounded queue; whatever has arrived while the last commit was under way is
//! taken as one batch, decided under the row locks, committed once, and only then answered, each with its own outcome.
//!
//! It never waits for a batch to fill: a lone request is served at once, and a crowd shares a commit.

use std::sync::Arc;

use tokio::{
    sync::{Notify, mpsc, oneshot},
    time::Instant,
};
use tracing::error;

use super::{
    LedgerError, Posted,
    book::Outcome,
    lane::{Failure, Lane},
    operation::Operation,
};
use crate::kernel::fail_point::fail_point;

pub use super::lane::BatchClock;

/// How the loop is set up.
#[derive(Clone, Debug)]
pub struct LoopSettings {
    pub database_url: String,
    /// At most so many operations share a commit.
    pub batch_max: usize,
    /// At most so many operations wait; more are refused at the door.
    pub queue_max: usize,
    pub clock: BatchClock,
}

/// The way into the loop. Clones lead to the same loop; it ends when the last of them is gone and the queue is empty.
#[derive(Clone)]
pub struct PostingLoop {
    queue: mpsc::Sender<Waiting>,
}

/// An operation in the queue, and who waits for its outcome.
struct Waiting {
    operation: Operation,
    since: Instant,
    answer: oneshot::Sender<Result<Posted, LedgerError>>,
}

impl PostingLoop {
    /// Starts the loop on a task of its own. `committed` is told after each commit that wrote something.
    #[must_use]
    pub fn start(settings: LoopSettings, committed: Arc<Notify>) -> Self {
        let (queue, waiting) = mpsc::channel(settings.queue_max);
        let lane = Lane::new(settings.database_url, settings.clock);
        tokio::spawn(run(lane, waiting, settings.batch_max, committed));
        Self { queue }
    }

    /// Has an operation decided. Answers after the commit; a full queue is refused at once, before any work.
    pub async fn post(&self, operation: Operation) -> Result<Posted, LedgerError> {
        let (answer, outcome) = oneshot::channel();
        let waiting = Waiting { operation, since: Instant::now(), answer };
        self.queue.try_send(waiting).map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(_) => LedgerError::Overloaded,
            mpsc::error::TrySendError::Closed(_) => {
                LedgerError::Internal("the posting loop has ended".to_owned())
            }
        })?;
        // The loop answers everybody; it can only be silent if its task has died, whatever it was doing then.
        outcome.await.unwrap_or(Err(LedgerError::OutcomeUnknown))
    }

    /// How many operations wait, and how many may.
    #[must_use]
    pub fn queue_length(&self) -> (usize, usize) {
        let max = self.queue.max_capacity();
        (max - self.queue.capacity(), max)
    }
}

async fn run(mut lane: Lane, mut queue: mpsc::Receiver<Waiting>, batch_max: usize, committed: Arc<Notify>) {
    let mut batch = Vec::with_capacity(batch_max);
    while queue.recv_many(&mut batch, batch_max).await > 0 {
        // Whoever has gone away is not served: nobody would learn of it.
        batch.retain(|waiting| !waiting.answer.is_closed());
        let Some(oldest) = batch.first() else {
            continue;
        };
        metrics::histogram!("wallet_batch_wait_seconds").record(oldest.since.elapsed());
        #[allow(clippy::cast_precision_loss)] // a batch is far below 2^52
        metrics::histogram!("wallet_batch_operations").record(batch.len() as f64);
        fail_point("loop.taken");
        post_and_answer(&mut lane, std::mem::take(&mut batch), &committed).await;
        batch.reserve(batch_max);
    }
}

/// Posts a batch and answers everybody in it. A batch that cannot be written is split until the operation that spoils
/// it stands alone, so that it never harms its neighbours.
async fn post_and_answer(lane: &mut Lane, batch: Vec<Waiting>, committed: &Notify) {
    let mut rest = vec![batch];
    while let Some(mut batch) = rest.pop() {
        let Some(oldest) = batch.first().map(|waiting| waiting.since) else {
            continue;
        };
        let operations: Vec<&Operation> = batch.iter().map(|waiting| &waiting.operation).collect();
        match lane.post(&operations, oldest).await {
            Ok(decisions) => {
                fail_point("loop.committed");
                committed.notify_one();
                for (waiting, decision) in batch.into_iter().zip(decisions) {
                    answer(waiting, decision);
                    fail_point("loop.one_answered");
                }
            }
            Err(Failure::Defect(_)) if batch.len() > 1 => {
                let second = batch.split_off(batch.len() / 2);
                rest.push(second);
                rest.push(batch);
            }
            Err(failure) => batch.into_iter().for_each(|waiting| fail(waiting, &failure)),
        }
    }
}

fn answer(waiting: Waiting, outcome: Outcome) {
    let Outcome { decision, replayed } = outcome;
    let answer = match decision {
        Ok(receipt) => Ok(Posted { receipt, replayed }),
        Err(refusal) => Err(LedgerError::Refused { refusal, replayed }),
    };
    // Whoever has gone away in the meantime finds the truth by asking again.
    let _ = waiting.answer.send(answer);
}

fn fail(waiting: Waiting, failure: &Failure) {
    let error = match failure {
        Failure::Unavailable => LedgerError::Unavailable,
        Failure::OutcomeUnknown => LedgerError::OutcomeUnknown,
        Failure::Defect(reason) => {
            error!(operation = ?waiting.operation, reason, "an operation cannot be booked");
            LedgerError::Internal(reason.clone())
        }
    };
    let _ = waiting.answer.send(Err(error));
}
