//! The posting loop: operations wait in a bounded queue; whatever has arrived while the last batch was under way is
//! taken as one, decided under the row locks, committed once, and only then answered, each with its own outcome.
//!
//! It never waits for a batch to fill: a lone request is served at once, and a crowd shares a commit. While one batch
//! commits, the next one is locked, decided and written on another connection, as far as its wallets are others.
//! An operation whose batch does not begin in time is answered `unavailable`: nothing was done.
//!
//! A wallet that another session holds stops no other: its operations go back into the queue, and are tried on a batch writer
//! of their own until they get through or have waited too long.

use std::{collections::HashMap, panic::AssertUnwindSafe, sync::Arc};

use futures_util::FutureExt;
use tokio::{
    sync::{Notify, Semaphore, mpsc, oneshot},
    task::{Id, JoinSet},
    time::{Instant, sleep_until},
};
use tracing::error;

use super::{
    answers::{fail, give_up, waited_too_long},
    backlog::Backlog,
    batch_clock::BatchClock,
    batch_end::Failure,
    batch_writer::BatchWriter,
    run_batch::{Ended, run_batch, run_blocked},
    spans::operation_span,
    time_limits::QUEUE_TIMEOUT,
    waiting::Waiting,
};
use crate::{
    fail_point::fail_point,
    ledger::{error::LedgerError, operation::Operation, outcome::Outcome},
};

/// Maximum number of batches in flight.
const BATCHES_IN_FLIGHT_MAX: usize = 2;

/// How the loop is set up.
#[derive(Clone, Debug)]
pub struct LoopSettings {
    pub database_url: String,
    /// Maximum number of operations that share a commit.
    pub batch_max: usize,
    /// Maximum number of operations in the queue; more are refused ([`LedgerError::Overloaded`]).
    pub queue_max: usize,
    pub clock: BatchClock,
}

/// The way into the loop. Clones lead to the same loop; it ends when the last of them is gone and the queue is empty.
#[derive(Clone)]
pub struct PostingLoop {
    queue: mpsc::UnboundedSender<Waiting>,
    /// One for each operation that the queue has room for.
    queue_permits: Arc<Semaphore>,
    queue_max: usize,
}

impl PostingLoop {
    /// Starts the loop on a task of its own. `committed` is notified after each commit that wrote something.
    #[must_use]
    pub fn start(settings: LoopSettings, committed: Arc<Notify>) -> Self {
        let (queue, arriving) = mpsc::unbounded_channel();
        let (queue_permits, queue_max) = (Arc::new(Semaphore::new(settings.queue_max)), settings.queue_max);
        tokio::spawn(run(settings, arriving, Arc::clone(&queue_permits), committed));
        Self { queue, queue_permits, queue_max }
    }

    /// Has an operation decided. Answers after the commit; a full queue is refused at once, before any work.
    pub async fn post(&self, operation: Operation) -> Result<Outcome, LedgerError> {
        let permit =
            Arc::clone(&self.queue_permits).try_acquire_owned().map_err(|_| LedgerError::Overloaded)?;
        let (answer, outcome) = oneshot::channel();
        let (span, since) = (operation_span(&operation), Instant::now());
        let waiting = Waiting { operation, since, answer, queue_permit: Some(permit), span, held: None };
        // The loop has died, and the process is about to end: nothing was done.
        self.queue.send(waiting).map_err(|_| LedgerError::Unavailable)?;
        // The loop answers every operation; without an answer a task has died, whatever it was doing then.
        outcome.await.unwrap_or(Err(LedgerError::OutcomeUnknown))
    }

    /// Whether operations are taken out of the queue.
    #[must_use]
    pub fn is_running(&self) -> bool {
        !self.queue.is_closed()
    }

    /// Waits for the loop's death. It never ends by itself while there is a way into it, so this is a defect, and there
    /// is no going on: those who waited do not know what became of their operations.
    pub async fn died(&self) {
        self.queue.closed().await;
    }

    /// How many operations wait, and how many may.
    #[must_use]
    pub fn queue_length(&self) -> (usize, usize) {
        (self.queue_max - self.queue_permits.available_permits(), self.queue_max)
    }
}

/// Runs the loop. Should it panic, the batches under way still end and are answered; cut off, they would be lost commits.
async fn run(
    settings: LoopSettings,
    arriving: mpsc::UnboundedReceiver<Waiting>,
    queue_permits: Arc<Semaphore>,
    committed: Arc<Notify>,
) {
    let mut working = JoinSet::new();
    let dispatched =
        AssertUnwindSafe(dispatch(&mut working, settings, arriving, queue_permits, committed)).catch_unwind();
    if dispatched.await.is_err() {
        error!("the posting loop died; the batches under way are finished, and the process ends");
        while let Some(ended) = working.join_next().await {
            let put_back = ended.map(|ended| ended.put_back).unwrap_or_default();
            put_back.into_iter().for_each(|back| fail(back.operation.1, &Failure::Unavailable));
        }
    }
}

/// Gives what has arrived to batch writers that are free, until the queue is closed and every operation is answered.
async fn dispatch(
    working: &mut JoinSet<Ended>,
    settings: LoopSettings,
    mut arriving: mpsc::UnboundedReceiver<Waiting>,
    queue_permits: Arc<Semaphore>,
    committed: Arc<Notify>,
) {
    let new_writer = || BatchWriter::new(settings.database_url.clone(), settings.clock.clone());
    let new_writer_for_blocked =
        || BatchWriter::for_blocked(settings.database_url.clone(), settings.clock.clone());
    let mut idle: Vec<BatchWriter> = (0..BATCHES_IN_FLIGHT_MAX).map(|_| new_writer()).collect();
    let mut idle_for_blocked = Some(new_writer_for_blocked());
    // One batch at a time is before its commit: what arrives meanwhile shares the next one.
    let pre_commit_permits = Arc::new(Semaphore::new(1));
    // The number of each batch under way, and whether it is one of blocked operations.
    let mut batches: HashMap<Id, (u64, bool)> = HashMap::with_capacity(BATCHES_IN_FLIGHT_MAX + 1);
    let mut backlog = Backlog::new();
    let mut arrived = Vec::new();
    let mut is_open = true;
    while is_open || !backlog.is_idle() {
        // Also what was put back a moment ago: it is not tried once more.
        if backlog.oldest().is_some_and(waited_too_long) {
            give_up(backlog.give_up(waited_too_long));
        }
        if backlog.blocked() > 0
            && let Some(writer) = idle_for_blocked.take()
        {
            let (number, batch) = backlog.take_blocked(settings.batch_max);
            let (committed, permits) = (Arc::clone(&committed), Arc::clone(&queue_permits));
            let task = working.spawn(run_blocked(writer, number, batch, permits, committed));
            batches.insert(task.id(), (number, true));
        }
        let oldest = backlog.oldest().map(|waiting: &Waiting| waiting.since);
        tokio::select! {
            // What is there already belongs to the next batch.
            biased;
            count = arriving.recv_many(&mut arrived, settings.queue_max), if is_open => {
                is_open = count > 0;
                arrived.drain(..).for_each(|waiting| backlog.push(waiting));
                if is_open {
                    fail_point("loop.arrived");
                }
            }
            Some(ended) = working.join_next_with_id() => {
                let (task, ended) = match ended {
                    Ok((task, ended)) => (task, Some(ended)),
                    Err(died) => {
                        error!(%died, "a batch writer died with its batch");
                        (died.id(), None)
                    }
                };
                let Some((number, is_blocked)) = batches.remove(&task) else { continue };
                let (writer, put_back) = ended.map(|ended| (ended.writer, ended.put_back)).unzip();
                if is_blocked {
                    idle_for_blocked = Some(writer.unwrap_or_else(new_writer_for_blocked));
                } else {
                    idle.push(writer.unwrap_or_else(new_writer));
                }
                backlog.ended(number, put_back.unwrap_or_default());
            }
            () = sleep_until(oldest.unwrap_or_else(Instant::now) + QUEUE_TIMEOUT), if oldest.is_some() => {
                give_up(backlog.give_up(waited_too_long));
            }
            Ok(permit) = Arc::clone(&pre_commit_permits).acquire_owned(), if backlog.ready() > 0 && !idle.is_empty() => {
                let Some(writer) = idle.pop() else { continue };
                let (number, batch) = backlog.take(settings.batch_max);
                let (committed, permits) = (Arc::clone(&committed), Arc::clone(&queue_permits));
                let task = working.spawn(run_batch(writer, number, batch, permit, permits, committed));
                batches.insert(task.id(), (number, false));
            }
        }
    }
}
