//! An adjustment: the back office corrects a balance, whatever the wallet's status. No bucket falls below zero by it.

use super::single::{Single, book_single};
use crate::{
    kernel::{buckets::Buckets, clock::Timestamp},
    ledger::{
        book::{
            batch::Batch,
            due::settle_due,
            rules::{covers, has_room},
        },
        entry::{AdjustmentNote, TransactionStatus},
        kind::Kind,
        operation::{Adjustment, Direction, Operation},
        outcome::{Decision, Done},
        refusal::Refusal,
    },
};

pub(super) fn decide(
    batch: &mut Batch,
    operation: &Operation,
    adjustment: &Adjustment,
    now: Timestamp,
) -> Decision {
    if adjustment.direction == Direction::Debit {
        settle_due(batch, operation.wallet, now)?;
    }
    let wallet = batch.wallet(operation.wallet)?;
    let amount = adjustment.amount.minor_units();
    let delta = match adjustment.direction {
        Direction::Debit => {
            covers(wallet, amount)?;
            -amount
        }
        Direction::Credit if has_room(wallet, adjustment.amount) => amount,
        Direction::Credit => return Err(Refusal::BalanceLimit),
    };
    let single = Single {
        kind: Kind::Adjustment,
        status: TransactionStatus::Completed,
        amount,
        delta: Buckets::available(delta),
        note: None,
    };
    let receipt = book_single(batch, operation, single, now)?;
    batch.adjustments.push(AdjustmentNote {
        transaction: operation.id,
        actor: operation.actor.to_string(),
        reason: adjustment.reason.clone(),
    });
    Ok(Done::Money(receipt))
}
