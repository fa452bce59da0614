//! Operations on their way back into the queue, because another session holds what they need.

use std::{collections::HashSet, sync::Arc};

use tokio::sync::Semaphore;

use super::{
    backlog::{Claim, Claims, Numbered, PutBack, Reason},
    waiting::{Waiting, claim},
};
use crate::kernel::ids::WalletId;

/// The second half of a batch and the first, which is taken up next.
pub(super) fn halves(mut batch: Vec<Numbered<Waiting>>) -> [Vec<Numbered<Waiting>>; 2] {
    let second = batch.split_off(batch.len() / 2);
    [second, batch]
}

/// Operations on their way back into the queue.
pub(super) struct PuttingBack<'a> {
    pub(super) queue_permits: &'a Arc<Semaphore>,
    pub(super) put_back: Vec<PutBack<Waiting>>,
}

impl PuttingBack<'_> {
    /// The operations of a part of the batch that may go on: they come after no other that was put back.
    pub(super) fn but_for_those_behind(&mut self, batch: Vec<Numbered<Waiting>>) -> Vec<Numbered<Waiting>> {
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

    pub(super) fn push(&mut self, operation: Numbered<Waiting>, held: Option<WalletId>) {
        self.push_for(operation, held, held.map_or(Reason::Behind, |wallet| Reason::Held(claim(wallet))));
    }

    pub(super) fn push_stuck(&mut self, operation: Numbered<Waiting>) {
        self.push_for(operation, None, Reason::Stuck);
    }

    fn push_for(&mut self, (number, mut waiting): Numbered<Waiting>, held: Option<WalletId>, reason: Reason) {
        metrics::counter!("wallet_operations_put_back_total").increment(1);
        waiting.held = held;
        // If others have taken all permits meanwhile it waits without one; it was let in before.
        waiting.queue_permit =
            waiting.queue_permit.or_else(|| Arc::clone(self.queue_permits).try_acquire_owned().ok());
        self.put_back.push(PutBack { operation: (number, waiting), reason });
    }
}
