//! The posting loop: operations wait in a bounded queue; whatever has arrived while the last batch was under way is
//! taken as one, decided under the row locks, committed once, and only then answered, each with its own outcome.
//!
//! It never waits for a batch to fill: a lone request is served at once, and a crowd shares a commit. While one batch
//! commits, the next one is locked, decided and written on another connection, as far as its wallets are others.
//! An operation whose batch does not begin in time is answered `unavailable`: nothing was done.
//!
//! A wallet that another session holds stops nobody else: its operations go back into the queue, and are tried on a lane
//! of their own until they get through or have waited too long.

use std::{
    collections::{HashMap, HashSet},
    panic::AssertUnwindSafe,
    sync::Arc,
};

use futures_util::FutureExt;
use tokio::{
    sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc, oneshot},
    task::{Id, JoinSet},
    time::{Instant, sleep_until},
};
use tracing::error;

use super::{
    answers::{answer, fail, fail_all, give_up, waited_too_long},
    backlog::{Backlog, Claim, Claims, Numbered, PutBack, Reason},
    batch_clock::BatchClock,
    batch_end::{Failure, Report},
    batch_writer::{BatchWriter, Locking},
    time_limits::{BLOCKED_RETRY_INTERVAL, QUEUE_TIMEOUT},
    waiting::{Waiting, claim},
};
use crate::{
    fail_point::fail_point,
    kernel::ids::WalletId,
    ledger::{error::LedgerError, operation::Operation, outcome::Outcome},
};

/// Maximum number of batches in flight.
const LANES_MAX: usize = 2;

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
    /// The places in the queue that are free.
    places: Arc<Semaphore>,
    queue_max: usize,
}

impl PostingLoop {
    /// Starts the loop on a task of its own. `committed` is told after each commit that wrote something.
    #[must_use]
    pub fn start(settings: LoopSettings, committed: Arc<Notify>) -> Self {
        let (queue, arriving) = mpsc::unbounded_channel();
        let (places, queue_max) = (Arc::new(Semaphore::new(settings.queue_max)), settings.queue_max);
        tokio::spawn(run(settings, arriving, Arc::clone(&places), committed));
        Self { queue, places, queue_max }
    }

    /// Has an operation decided. Answers after the commit; a full queue is refused at once, before any work.
    pub async fn post(&self, operation: Operation) -> Result<Outcome, LedgerError> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| LedgerError::Overloaded)?;
        let (answer, outcome) = oneshot::channel();
        let waiting = Waiting { operation, since: Instant::now(), answer, place: Some(place), held: None };
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

/// What a lane has made of a batch.
struct Ended {
    lane: BatchWriter,
    put_back: Vec<PutBack<Waiting>>,
}

/// Runs the loop. Should it panic, the batches under way still end and are answered; cut off, they would be lost commits.
async fn run(
    settings: LoopSettings,
    arriving: mpsc::UnboundedReceiver<Waiting>,
    places: Arc<Semaphore>,
    committed: Arc<Notify>,
) {
    let mut working = JoinSet::new();
    let dispatched =
        AssertUnwindSafe(dispatch(&mut working, settings, arriving, places, committed)).catch_unwind();
    if dispatched.await.is_err() {
        error!("the posting loop died; the batches under way are finished, and the process ends");
        while let Some(ended) = working.join_next().await {
            let put_back = ended.map(|ended| ended.put_back).unwrap_or_default();
            put_back.into_iter().for_each(|back| fail(back.operation.1, &Failure::Unavailable));
        }
    }
}

/// Gives what has arrived to lanes that are free, until nobody can ask any more and all is answered.
async fn dispatch(
    working: &mut JoinSet<Ended>,
    settings: LoopSettings,
    mut arriving: mpsc::UnboundedReceiver<Waiting>,
    places: Arc<Semaphore>,
    committed: Arc<Notify>,
) {
    let new_lane = || BatchWriter::new(settings.database_url.clone(), settings.clock.clone());
    let new_lane_for_blocked =
        || BatchWriter::for_blocked(settings.database_url.clone(), settings.clock.clone());
    let mut idle: Vec<BatchWriter> = (0..LANES_MAX).map(|_| new_lane()).collect();
    let mut idle_for_blocked = Some(new_lane_for_blocked());
    // One batch at a time is before its commit: what arrives meanwhile shares the next one.
    let turns = Arc::new(Semaphore::new(1));
    // The number of each batch under way, and whether it is one of blocked operations.
    let mut batches: HashMap<Id, (u64, bool)> = HashMap::with_capacity(LANES_MAX + 1);
    let mut backlog = Backlog::new();
    let mut arrived = Vec::new();
    let mut is_open = true;
    while is_open || !backlog.is_idle() {
        // Also what was put back a moment ago: it is not tried once more.
        if backlog.oldest().is_some_and(waited_too_long) {
            give_up(backlog.give_up(waited_too_long));
        }
        if backlog.blocked() > 0
            && let Some(lane) = idle_for_blocked.take()
        {
            let (number, batch) = backlog.take_blocked(settings.batch_max);
            let (committed, places) = (Arc::clone(&committed), Arc::clone(&places));
            let task = working.spawn(try_blocked(lane, batch, places, committed));
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
                        error!(%died, "a lane died with its batch");
                        (died.id(), None)
                    }
                };
                let Some((number, is_blocked)) = batches.remove(&task) else { continue };
                let (lane, put_back) = ended.map(|ended| (ended.lane, ended.put_back)).unzip();
                if is_blocked {
                    idle_for_blocked = Some(lane.unwrap_or_else(new_lane_for_blocked));
                } else {
                    idle.push(lane.unwrap_or_else(new_lane));
                }
                backlog.ended(number, put_back.unwrap_or_default());
            }
            () = sleep_until(oldest.unwrap_or_else(Instant::now) + QUEUE_TIMEOUT), if oldest.is_some() => {
                give_up(backlog.give_up(waited_too_long));
            }
            Ok(turn) = Arc::clone(&turns).acquire_owned(), if backlog.ready() > 0 && !idle.is_empty() => {
                let Some(mut lane) = idle.pop() else { continue };
                let (number, batch) = backlog.take(settings.batch_max);
                let (committed, places) = (Arc::clone(&committed), Arc::clone(&places));
                let task = working.spawn(async move {
                    let batch = started(batch);
                    let put_back = post_and_answer(&mut lane, batch, Locking::InLine, Some(turn), &places, &committed);
                    let put_back = put_back.await;
                    Ended { lane, put_back }
                });
                batches.insert(task.id(), (number, false));
            }
        }
    }
}

/// Tries operations that another session holds up. They take no turn: nobody waits for them.
async fn try_blocked(
    mut lane: BatchWriter,
    batch: Vec<Numbered<Waiting>>,
    places: Arc<Semaphore>,
    committed: Arc<Notify>,
) -> Ended {
    let next_at = Instant::now() + BLOCKED_RETRY_INTERVAL;
    let count = batch.len();
    // Nobody waits for these any more; until their time is over they say that their wallets were held.
    let (left, batch): (Vec<_>, Vec<_>) =
        batch.into_iter().partition(|(_, waiting)| waiting.answer.is_closed());
    let held = batch.iter().find_map(|(_, waiting)| waiting.held);
    let locking = held.map_or(Locking::Free, Locking::After);
    let mut put_back = post_and_answer(&mut lane, batch, locking, None, &places, &committed).await;
    put_back.extend(left.into_iter().map(|operation| {
        let reason = operation.1.held.map_or(Reason::Behind, |wallet| Reason::Held(claim(wallet)));
        PutBack { operation, reason }
    }));
    if put_back.len() == count {
        sleep_until(next_at).await;
    }
    Ended { lane, put_back }
}

/// A batch whose turn has come: it gives up its places in the queue. A caller that has hung up is not served: nobody would
/// learn of it.
fn started(mut batch: Vec<Numbered<Waiting>>) -> Vec<Numbered<Waiting>> {
    batch.retain_mut(|(_, waiting)| {
        waiting.place = None;
        !waiting.answer.is_closed()
    });
    if let Some(oldest) = batch.iter().map(|(_, waiting)| waiting.since).min() {
        metrics::histogram!("wallet_batch_wait_seconds").record(oldest.elapsed());
        #[allow(clippy::cast_precision_loss)] // a batch is far below 2^52
        metrics::histogram!("wallet_batch_operations").record(batch.len() as f64);
        fail_point("loop.taken");
    }
    batch
}

/// Posts a batch and answers everybody in it but those whose operations are put back: another session holds them up. A
/// batch that cannot be written is split until the operation that spoils it stands alone, so that it never harms its
/// neighbours.
async fn post_and_answer(
    lane: &mut BatchWriter,
    batch: Vec<Numbered<Waiting>>,
    mut locking: Locking,
    mut turn: Option<OwnedSemaphorePermit>,
    places: &Arc<Semaphore>,
    committed: &Notify,
) -> Vec<PutBack<Waiting>> {
    let mut put_back = PuttingBack { places, put_back: Vec::new() };
    let mut rest = vec![batch];
    while let Some(batch) = rest.pop() {
        let mut batch = put_back.but_for_those_behind(batch);
        let Some(oldest) = batch.iter().map(|(_, waiting)| waiting.since).min() else {
            continue;
        };
        let operations: Vec<&Operation> = batch.iter().map(|(_, waiting)| &waiting.operation).collect();
        let Report { left_out, result } = lane.post(&operations, oldest, &mut locking, &mut turn).await;
        // From the last one on, so that the places of the others stay.
        for left_out in left_out.into_iter().rev() {
            put_back.push(batch.remove(left_out.place), left_out.held);
        }
        match result {
            Ok(outcomes) => {
                fail_point("loop.committed");
                committed.notify_one();
                for ((_, waiting), decision) in batch.into_iter().zip(outcomes) {
                    answer(waiting, decision);
                    fail_point("loop.one_answered");
                }
            }
            Err(Failure::Defect(_)) if batch.len() > 1 => rest.extend(halves(batch)),
            Err(Failure::Stuck) => {
                // The others need not wait while it is looked for.
                turn = None;
                let (over, batch): (Vec<_>, Vec<_>) =
                    batch.into_iter().partition(|(_, waiting)| waited_too_long(waiting));
                give_up(over.into_iter().map(|(_, waiting)| waiting).collect());
                if batch.len() > 1 {
                    rest.extend(halves(batch));
                } else {
                    batch.into_iter().for_each(|waiting| put_back.push_stuck(waiting));
                }
            }
            Err(failure) => fail_all(batch, &failure),
        }
    }
    put_back.put_back
}

/// The second half of a batch and the first, which is taken up next.
fn halves(mut batch: Vec<Numbered<Waiting>>) -> [Vec<Numbered<Waiting>>; 2] {
    let second = batch.split_off(batch.len() / 2);
    [second, batch]
}

/// Operations on their way back into the queue.
struct PuttingBack<'a> {
    places: &'a Arc<Semaphore>,
    put_back: Vec<PutBack<Waiting>>,
}

impl PuttingBack<'_> {
    /// The operations of a part of the batch that may go on: they come after no other that was put back.
    fn but_for_those_behind(&mut self, batch: Vec<Numbered<Waiting>>) -> Vec<Numbered<Waiting>> {
        if self.put_back.is_empty() {
            return batch;
        }
        let mut claims: HashSet<Claim> = self
            .put_back
            .iter()
            .flat_map(|PutBack { operation: (_, waiting), .. }| waiting.claims())
            .collect();
        let mut may_go = Vec::with_capacity(batch.len());
        for operation in batch {
            if operation.1.claims().any(|claim| claims.contains(&claim)) {
                claims.extend(operation.1.claims());
                self.push(operation, None);
            } else {
                may_go.push(operation);
            }
        }
        may_go
    }

    fn push(&mut self, operation: Numbered<Waiting>, held: Option<WalletId>) {
        self.push_for(operation, held, held.map_or(Reason::Behind, |wallet| Reason::Held(claim(wallet))));
    }

    fn push_stuck(&mut self, operation: Numbered<Waiting>) {
        self.push_for(operation, None, Reason::Stuck);
    }

    fn push_for(&mut self, (number, mut waiting): Numbered<Waiting>, held: Option<WalletId>, reason: Reason) {
        metrics::counter!("wallet_operations_put_back_total").increment(1);
        waiting.held = held;
        // If others have taken all places meanwhile it waits without one; it was let in before.
        waiting.place = waiting.place.or_else(|| Arc::clone(self.places).try_acquire_owned().ok());
        self.put_back.push(PutBack { operation: (number, waiting), reason });
    }
}
