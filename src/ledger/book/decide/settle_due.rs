//! What has become due in a wallet, whatever the wallet's status. Done again it does nothing.

use crate::{
    kernel::clock::Timestamp,
    ledger::{
        book::{batch::Batch, due::settle_some},
        operation::Operation,
        outcome::{Decision, Done, Settled},
    },
};

pub(super) fn decide(batch: &mut Batch, operation: &Operation, at_most: usize, now: Timestamp) -> Decision {
    let steps = settle_some(batch, operation.wallet, at_most, now)?;
    let wallet = batch.wallet(operation.wallet)?;
    let is_more_due = wallet.next_due_at.is_some_and(|next| next <= now);
    let balance = (&*wallet).into();
    Ok(Done::Settled(Settled { steps, is_more_due, balance }))
}
