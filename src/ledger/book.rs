//! The rules of money, pure: an operation applied to wallets in memory. No I/O, no clock, no database; the posting
//! loop brings the wallets it has locked and writes down what came out.

mod chain;
mod changes;
mod keys;
mod outcome;
mod pages;
mod rules;
mod wallets;

use std::collections::{HashMap, hash_map::Entry};

use self::{
    keys::{Found, Keys},
    pages::Pages,
};
use super::{
    operation::{KeyName, Operation, ReferenceKey, Refusals},
    refusal::Refusal,
    wallet_state::WalletState,
};
use crate::kernel::{clock::Timestamp, ids::OperationId};

pub use self::{
    chain::{Chain, Sha256},
    changes::{AnsweredKey, ChangedWallet, Changes},
    outcome::{Decision, Outcome, Posted, Receipt, Remembered},
};

/// The locked wallets of one batch, what is known of its keys and references, and what its operations have changed so
/// far.
#[derive(Debug)]
pub struct Book<C = Sha256> {
    keys: Keys,
    references: References,
    pages: Pages<C>,
}

/// Which transaction used a reference up. References and keys are chosen by clients: their maps keep the standard hash,
/// which nobody can flood.
type References = HashMap<ReferenceKey, OperationId>;

impl Book {
    /// A book over locked wallets. `references` and `keys` are those of the batch that were used before.
    pub fn new(
        wallets: impl IntoIterator<Item = WalletState>,
        references: impl IntoIterator<Item = (ReferenceKey, OperationId)>,
        keys: impl IntoIterator<Item = (KeyName, Remembered)>,
    ) -> Self {
        Self::chained_by(Sha256, wallets, references, keys)
    }
}

impl<C: Chain> Book<C> {
    /// [`Book::new`] with another chain than that of the books, to be measured.
    pub fn chained_by(
        chain: C,
        wallets: impl IntoIterator<Item = WalletState>,
        references: impl IntoIterator<Item = (ReferenceKey, OperationId)>,
        keys: impl IntoIterator<Item = (KeyName, Remembered)>,
    ) -> Self {
        let pages = Pages::new(chain, wallets);
        // As many as a batch has that pays into one wallet; others have fewer operations than wallets.
        let operations = pages.wallets.len();
        let mut used = References::with_capacity(operations);
        used.extend(references);
        Self { keys: Keys::new(keys, operations), references: used, pages }
    }

    /// Decides one operation and remembers its effect for those after it. `now` is the batch's time; no entry is
    /// dated before the wallet's last one. A known key is looked at before anything else.
    pub fn apply(&mut self, operation: &Operation, now: Timestamp) -> Outcome {
        let Self { keys, references, pages } = self;
        let Some(key) = &operation.key else {
            return Outcome { decision: decide(references, pages, operation, now), replayed: false };
        };
        let key = match keys.find(key) {
            Found::Answered(outcome) => return outcome,
            Found::New(key) => key,
        };
        let decision = decide(references, pages, operation, now);
        if decision.is_ok() || operation.refusals == Refusals::Stored {
            key.answer(operation, &decision, now);
        }
        Outcome { decision, replayed: false }
    }
}

/// Decides what has no key, or a new one. Only what is done uses its reference up.
fn decide<C: Chain>(
    references: &mut References,
    pages: &mut Pages<C>,
    operation: &Operation,
    now: Timestamp,
) -> Decision {
    if !pages.wallets.contains_key(&operation.wallet) {
        return Err(Refusal::WalletNotFound);
    }
    let Some(reference) = operation.reference() else {
        return pages.decide(operation, now);
    };
    match references.entry(reference) {
        Entry::Occupied(used) => Err(Refusal::DuplicateReference { transaction_id: *used.get() }),
        Entry::Vacant(free) => {
            let decision = pages.decide(operation, now);
            if decision.is_ok() {
                free.insert(operation.id);
            }
            decision
        }
    }
}

#[cfg(test)]
mod tests;
