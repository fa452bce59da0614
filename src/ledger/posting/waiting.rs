//! What waits in the queue.

use std::hash::{DefaultHasher, Hash, Hasher};

use tokio::{
    sync::{OwnedSemaphorePermit, oneshot},
    time::Instant,
};
use tracing::Span;

use super::backlog::{Claim, Claims};
use crate::{
    kernel::ids::WalletId,
    ledger::{error::LedgerError, operation::Operation, outcome::Outcome},
};

/// An operation in the queue, and who waits for its outcome.
pub(super) struct Waiting {
    pub(super) operation: Operation,
    pub(super) since: Instant,
    pub(super) answer: oneshot::Sender<Result<Outcome, LedgerError>>,
    /// Its permit of the queue, until its batch begins.
    pub(super) queue_permit: Option<OwnedSemaphorePermit>,
    /// The operation's span, a child of the request's.
    pub(super) span: Span,
    /// The wallet that another session held when it was last tried.
    pub(super) held: Option<WalletId>,
}

impl Claims for Waiting {
    /// Wallets and key: what two batches at once would have to wait for each other at.
    fn claims(&self) -> impl Iterator<Item = Claim> {
        let wallets = self.operation.wallets().map(claim);
        // Two keys with one hash are only a wait that was not needed.
        let key = self.operation.key.as_ref().map(|key| u128::from(hash(&key.name)));
        wallets.chain(key)
    }
}

pub(super) fn claim(wallet: WalletId) -> Claim {
    wallet.0.as_u128()
}

fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}
