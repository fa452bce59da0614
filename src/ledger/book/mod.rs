//! The rules of money, pure: an operation applied to wallets in memory. No I/O, no clock, no database; the posting
//! loop brings the wallets it has locked and writes down what came out.

mod batch;
mod changes;
mod decide;
mod due;
mod keys;
mod rules;
mod wallets;

use std::collections::{HashMap, hash_map::Entry};

use self::{
    batch::Batch,
    due::is_more_due,
    keys::{Keys, Lookup},
};
use super::{
    operation::{Operation, ReferenceKey, Refusals},
    outcome::{BalanceAfter, Decision, Done, Outcome, Preview, Receipt},
    prior_state::PriorState,
    refusal::Refusal,
};
use crate::kernel::{clock::Timestamp, ids::OperationId};

pub use self::changes::{AnsweredKey, ChangedWallet, Changes, Proof};

/// The locked wallets of one batch, what is known of its keys and references, and what its operations have changed so
/// far.
#[derive(Debug)]
pub struct Book {
    keys: Keys,
    references: References,
    batch: Batch,
}

/// Which transaction used a reference up. References and keys are chosen by clients: their maps keep the standard hash,
/// which no client can flood.
type References = HashMap<ReferenceKey, OperationId>;

impl Book {
    /// A book over locked wallets.
    #[must_use]
    pub fn new(prior: PriorState) -> Self {
        let PriorState { wallets, used_references, known_keys, holds, payouts, due } = prior;
        let batch = Batch::new(wallets, holds, payouts, due);
        // Enough for a batch that pays into one wallet; other batches have fewer operations than wallets.
        let operations = batch.wallets.len();
        let mut references = References::with_capacity(operations);
        references.extend(used_references);
        Self { keys: Keys::new(known_keys, operations), references, batch }
    }

    /// Decides one operation and remembers its effect for those after it. `now` is the batch's time; no entry is
    /// dated before the wallet's last one. A known key comes before anything else.
    pub fn apply(&mut self, operation: &Operation, now: Timestamp) -> Result<Outcome, MoreDue> {
        let Self { keys, references, batch } = self;
        let Some(key) = &operation.key else {
            return Ok(Outcome::new(decide(references, batch, operation, now)?));
        };
        let key = match keys.find(key) {
            Lookup::Known(outcome) => return Ok(outcome),
            Lookup::New(key) => key,
        };
        let decision = decide(references, batch, operation, now)?;
        if decision.is_ok() || operation.refusals == Refusals::Stored {
            key.answer(operation, &decision, now);
        }
        Ok(Outcome::new(decision))
    }

    /// What has to be written.
    #[must_use]
    pub fn into_changes(self) -> Changes {
        Changes::of(self.batch, self.keys.into_answered())
    }

    /// What would become of an operation: the same decision, of which nothing is written. Its key is not looked at.
    pub fn preview(mut self, operation: &Operation, now: Timestamp) -> Result<Decision, MoreDue> {
        let Self { references, batch, .. } = &mut self;
        let version = batch.wallets.get(&operation.wallet).map(|wallet| wallet.version_before);
        let decision = decide(references, batch, operation, now)?;
        let Ok(Done::Money(Receipt { occurred_at, amount, fee, due_at, balance, .. })) = decision else {
            return Ok(decision);
        };
        let balance = BalanceAfter { version: version.unwrap_or(balance.version), ..balance };
        Ok(Ok(Done::Preview(Preview { occurred_at, amount, fee, due_at, balance })))
    }
}

/// An operation lacks funds while more is due in its wallet than the batch has read. What was read is booked; the operation is
/// decided in a later batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MoreDue;

/// Decides what has no key, or a new one. Only what is done uses its reference up.
fn decide(
    references: &mut References,
    batch: &mut Batch,
    operation: &Operation,
    now: Timestamp,
) -> Result<Decision, MoreDue> {
    if !batch.wallets.contains_key(&operation.wallet) {
        return Ok(Err(Refusal::WalletNotFound));
    }
    let Some(reference) = operation.reference() else {
        return decide_money(batch, operation, now);
    };
    match references.entry(reference) {
        Entry::Occupied(used) => Ok(Err(Refusal::DuplicateReference { transaction_id: *used.get() })),
        Entry::Vacant(free) => {
            let decision = decide_money(batch, operation, now)?;
            if let Ok(done) = &decision {
                free.insert(done.transaction().unwrap_or(operation.id));
            }
            Ok(decision)
        }
    }
}

/// Decides by the rules of money. Funds are never said to be insufficient while money of the wallet is due.
fn decide_money(batch: &mut Batch, operation: &Operation, now: Timestamp) -> Result<Decision, MoreDue> {
    let decision = decide::decide(batch, operation, now);
    match decision {
        Err(Refusal::InsufficientFunds { .. }) if is_more_due(batch, operation.wallet, now) => Err(MoreDue),
        decision => Ok(decision),
    }
}

#[cfg(test)]
mod tests;
