//! One batch on a batch writer, from its start to the answers of its callers.

use std::sync::Arc;

use tokio::{
    sync::{Notify, OwnedSemaphorePermit, Semaphore},
    time::{Instant, sleep_until},
};
use tracing::{Instrument, debug};

use super::{
    answers::{answer, fail_all, give_up, waited_too_long},
    backlog::{Numbered, PutBack, Reason},
    batch_end::{Failure, Report},
    batch_writer::BatchWriter,
    locking::Locking,
    put_back::{PuttingBack, halves},
    spans::{batch_span, note_decided},
    time_limits::BLOCKED_RETRY_INTERVAL,
    waiting::{Waiting, claim},
};
use crate::{
    fail_point::fail_point,
    ledger::{book::MoreDue, operation::Operation},
};

/// A batch that has ended.
pub(super) struct Ended {
    /// Free for another one.
    pub(super) writer: BatchWriter,
    /// The operations that go back into the queue.
    pub(super) put_back: Vec<PutBack<Waiting>>,
}

/// Runs a batch that is before its commit alone, by the permit.
pub(super) async fn run_batch(
    mut writer: BatchWriter,
    number: u64,
    batch: Vec<Numbered<Waiting>>,
    pre_commit_permit: OwnedSemaphorePermit,
    queue_permits: Arc<Semaphore>,
    committed: Arc<Notify>,
) -> Ended {
    let running =
        Running { writer: &mut writer, number, queue_permits: &queue_permits, committed: &committed };
    let put_back = running.post_and_answer(started(batch), Locking::InLine, Some(pre_commit_permit)).await;
    Ended { writer, put_back }
}

/// Tries operations that another session holds up. They need no permit: no other batch waits for them.
pub(super) async fn run_blocked(
    mut writer: BatchWriter,
    number: u64,
    batch: Vec<Numbered<Waiting>>,
    queue_permits: Arc<Semaphore>,
    committed: Arc<Notify>,
) -> Ended {
    let next_at = Instant::now() + BLOCKED_RETRY_INTERVAL;
    let count = batch.len();
    // Their callers have left; until their time is over they show that their wallets were held.
    let (left, batch): (Vec<_>, Vec<_>) =
        batch.into_iter().partition(|(_, waiting)| waiting.answer.is_closed());
    let held = batch.iter().find_map(|(_, waiting)| waiting.held);
    let locking = held.map_or(Locking::Free, Locking::After);
    let running =
        Running { writer: &mut writer, number, queue_permits: &queue_permits, committed: &committed };
    let mut put_back = running.post_and_answer(batch, locking, None).await;
    put_back.extend(left.into_iter().map(|operation| {
        let reason = operation.1.held.map_or(Reason::Behind, |wallet| Reason::Held(claim(wallet)));
        PutBack { operation, reason }
    }));
    if put_back.len() == count {
        sleep_until(next_at).await;
    }
    Ended { writer, put_back }
}

/// A batch at its start: it gives up its permits of the queue. A caller that has hung up is not served: it would not learn of
/// it.
fn started(mut batch: Vec<Numbered<Waiting>>) -> Vec<Numbered<Waiting>> {
    batch.retain_mut(|(_, waiting)| {
        waiting.queue_permit = None;
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

/// A batch on its writer.
struct Running<'a> {
    writer: &'a mut BatchWriter,
    number: u64,
    queue_permits: &'a Arc<Semaphore>,
    /// Notified after each commit.
    committed: &'a Notify,
}

impl Running<'_> {
    /// Posts a batch and answers its callers, but those whose operations are put back: another session holds them up. A batch that
    /// cannot be written is split until the operation that spoils it is alone, so that it never harms its neighbours.
    async fn post_and_answer(
        self,
        batch: Vec<Numbered<Waiting>>,
        mut locking: Locking,
        mut pre_commit_permit: Option<OwnedSemaphorePermit>,
    ) -> Vec<PutBack<Waiting>> {
        let mut put_back = PuttingBack { queue_permits: self.queue_permits, put_back: Vec::new() };
        let mut rest = vec![batch];
        while let Some(batch) = rest.pop() {
            let mut batch = put_back.but_for_those_behind(batch);
            let Some(oldest) = batch.iter().map(|(_, waiting)| waiting.since).min() else {
                continue;
            };
            let operations: Vec<&Operation> = batch.iter().map(|(_, waiting)| &waiting.operation).collect();
            let span = batch_span(self.number, &batch);
            let posting = self.writer.post(&operations, oldest, &mut locking, &mut pre_commit_permit);
            let Report { left_out, result } = posting.instrument(span.clone()).await;
            span.in_scope(|| debug!("the batch has ended"));
            // From the last one on, so that the places of the others stay.
            for left_out in left_out.into_iter().rev() {
                put_back.push(batch.remove(left_out.place), left_out.held);
            }
            match result {
                Ok(outcomes) => {
                    fail_point("loop.committed");
                    self.committed.notify_one();
                    for (operation, applied) in batch.into_iter().zip(outcomes) {
                        match applied {
                            Ok(outcome) => {
                                note_decided(&operation.1, self.number);
                                answer(operation.1, outcome);
                                fail_point("loop.one_answered");
                            }
                            Err(MoreDue) => put_back.push(operation, None),
                        }
                    }
                }
                Err(Failure::Defect(_)) if batch.len() > 1 => rest.extend(halves(batch)),
                Err(Failure::Stuck) => {
                    // The others need not wait while it is looked for.
                    pre_commit_permit = None;
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
}
