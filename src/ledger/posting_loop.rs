//! The posting loop: operations wait in a bounded queue; whatever has arrived while the last batch was under way is
//! taken as one, decided under the row locks, committed once, and only then answered, each with its own outcome.
//!
//! It never waits for a batch to fill: a lone request is served at once, and a crowd shares a commit. While one batch
//! commits, the next one is locked, decided and written on another connection, as far as its wallets are others.
//! Whoever has waited too long for a batch is told so: nothing was done.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
    panic::AssertUnwindSafe,
    sync::Arc,
    time::Duration,
};

use futures_util::FutureExt;
use tokio::{
    sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc, oneshot},
    task::{Id, JoinSet},
    time::{Instant, sleep_until},
};
use tracing::error;

use super::{
    LedgerError, Posted,
    backlog::{Backlog, Claim, Claims},
    book::Outcome,
    lane::{Failure, Lane},
    operation::Operation,
};
use crate::kernel::fail_point::fail_point;

pub use super::batch_clock::BatchClock;

/// So many batches are under way at most.
const LANES: usize = 2;

/// How long an operation waits for its batch to begin. With the one attempt that every batch gets, however long its
/// operations have waited, that is the 3 s within which a client hears that nothing was done.
const PATIENCE: Duration = Duration::from_millis(2_200);

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
    queue: mpsc::UnboundedSender<Waiting>,
    /// The places in the queue that are free.
    places: Arc<Semaphore>,
    queue_max: usize,
}

/// An operation in the queue, and who waits for its outcome.
struct Waiting {
    operation: Operation,
    since: Instant,
    answer: oneshot::Sender<Result<Posted, LedgerError>>,
    /// Its place in the queue, until its batch begins.
    place: Option<OwnedSemaphorePermit>,
}

impl Claims for Waiting {
    /// Wallets and key: what two batches at once would have to wait for each other at.
    fn claims(&self) -> impl Iterator<Item = Claim> {
        let wallets = self.operation.wallets().map(|wallet| wallet.0.as_u128());
        // Two keys with one hash are only a wait that was not needed.
        let key = self.operation.key.as_ref().map(|key| u128::from(hash(&key.name)));
        wallets.chain(key)
    }
}

fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

impl PostingLoop {
    /// Starts the loop on a task of its own. `committed` is told after each commit that wrote something.
    #[must_use]
    pub fn start(settings: LoopSettings, committed: Arc<Notify>) -> Self {
        let (queue, arriving) = mpsc::unbounded_channel();
        let (places, queue_max) = (Arc::new(Semaphore::new(settings.queue_max)), settings.queue_max);
        tokio::spawn(run(settings, arriving, committed));
        Self { queue, places, queue_max }
    }

    /// Has an operation decided. Answers after the commit; a full queue is refused at once, before any work.
    pub async fn post(&self, operation: Operation) -> Result<Posted, LedgerError> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| LedgerError::Overloaded)?;
        let (answer, outcome) = oneshot::channel();
        let waiting = Waiting { operation, since: Instant::now(), answer, place: Some(place) };
        // The loop has died, and the process is about to end: nothing was done.
        self.queue.send(waiting).map_err(|_| LedgerError::Unavailable)?;
        // The loop answers everybody; it can only be silent if a task has died, whatever it was doing then.
        outcome.await.unwrap_or(Err(LedgerError::OutcomeUnknown))
    }

    /// Whether somebody takes operations out of the queue.
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
        (self.queue_max - self.places.available_permits(), self.queue_max)
    }
}

/// Runs the loop. Should it panic, the batches under way still end and are answered; cut off, they would be lost commits.
async fn run(settings: LoopSettings, arriving: mpsc::UnboundedReceiver<Waiting>, committed: Arc<Notify>) {
    let mut working = JoinSet::new();
    let dispatched = AssertUnwindSafe(dispatch(&mut working, settings, arriving, committed)).catch_unwind();
    if dispatched.await.is_err() {
        error!("the posting loop died; the batches under way are finished, and the process ends");
        while working.join_next().await.is_some() {}
    }
}

/// Gives what has arrived to lanes that are free, until nobody can ask any more and all is answered.
async fn dispatch(
    working: &mut JoinSet<Lane>,
    settings: LoopSettings,
    mut arriving: mpsc::UnboundedReceiver<Waiting>,
    committed: Arc<Notify>,
) {
    let new_lane = || Lane::new(settings.database_url.clone(), settings.clock.clone());
    let mut idle: Vec<Lane> = (0..LANES).map(|_| new_lane()).collect();
    // One batch at a time is before its commit: what arrives meanwhile shares the next one.
    let turns = Arc::new(Semaphore::new(1));
    let mut batches: HashMap<Id, u64> = HashMap::with_capacity(LANES);
    let mut backlog = Backlog::new();
    let mut arrived = Vec::new();
    let mut is_open = true;
    while is_open || !backlog.is_idle() {
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
                let (task, lane) = ended.unwrap_or_else(|died| {
                    error!(%died, "a lane died with its batch");
                    (died.id(), new_lane())
                });
                idle.push(lane);
                if let Some(number) = batches.remove(&task) {
                    backlog.ended(number);
                }
            }
            () = sleep_until(oldest.unwrap_or_else(Instant::now) + PATIENCE), if oldest.is_some() => {
                let given_up = backlog.give_up(|waiting| waiting.since.elapsed() >= PATIENCE);
                metrics::counter!("wallet_operations_given_up_total").increment(given_up.len() as u64);
                given_up.into_iter().for_each(|waiting| fail(waiting, &Failure::Unavailable));
            }
            Ok(turn) = Arc::clone(&turns).acquire_owned(), if backlog.ready() > 0 && !idle.is_empty() => {
                let Some(mut lane) = idle.pop() else { continue };
                let (number, batch) = backlog.take(settings.batch_max);
                let committed = Arc::clone(&committed);
                let task = working.spawn(async move {
                    post_and_answer(&mut lane, started(batch), turn, &committed).await;
                    lane
                });
                batches.insert(task.id(), number);
            }
        }
    }
}

/// A batch whose turn has come: it gives up its places in the queue. Whoever has gone away is not served: nobody would
/// learn of it.
fn started(mut batch: Vec<Waiting>) -> Vec<Waiting> {
    batch.retain_mut(|waiting| {
        waiting.place = None;
        !waiting.answer.is_closed()
    });
    if let Some(oldest) = batch.iter().map(|waiting| waiting.since).min() {
        metrics::histogram!("wallet_batch_wait_seconds").record(oldest.elapsed());
        #[allow(clippy::cast_precision_loss)] // a batch is far below 2^52
        metrics::histogram!("wallet_batch_operations").record(batch.len() as f64);
        fail_point("loop.taken");
    }
    batch
}

/// Posts a batch and answers everybody in it. A batch that cannot be written is split until the operation that spoils
/// it stands alone, so that it never harms its neighbours.
async fn post_and_answer(
    lane: &mut Lane,
    batch: Vec<Waiting>,
    turn: OwnedSemaphorePermit,
    committed: &Notify,
) {
    let mut turn = Some(turn);
    let mut rest = vec![batch];
    while let Some(mut batch) = rest.pop() {
        let Some(oldest) = batch.iter().map(|waiting| waiting.since).min() else {
            continue;
        };
        let operations: Vec<&Operation> = batch.iter().map(|waiting| &waiting.operation).collect();
        match lane.post(&operations, oldest, &mut turn).await {
            Ok(outcomes) => {
                fail_point("loop.committed");
                committed.notify_one();
                for (waiting, decision) in batch.into_iter().zip(outcomes) {
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
