//! What has become due in a wallet, whatever the wallet's status. Done again it does nothing.

use crate::{
    kernel::clock::Timestamp,
    ledger::{
        book::{
            batch::Batch,
            due::{is_more_due, settle_due},
        },
        operation::Operation,
        outcome::{Decision, Done, Settled},
    },
};

pub(super) fn decide(batch: &mut Batch, operation: &Operation, now: Timestamp) -> Decision {
    let steps = settle_due(batch, operation.wallet, now)?;
    let is_more_due = is_more_due(batch, operation.wallet, now);
    let balance = (&*batch.wallet(operation.wallet)?).into();
    Ok(Done::Settled(Settled { steps, is_more_due, balance }))
}
