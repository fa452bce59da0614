//! A void: reserved money may be spent again, whatever the wallet's status.

use super::end_hold::{End, close_hold, open_hold};
use crate::{
    kernel::{clock::Timestamp, ids::OperationId},
    ledger::{
        book::batch::Batch,
        kind::Kind,
        operation::Operation,
        outcome::{Decision, Done},
    },
};

pub(super) fn decide(
    batch: &mut Batch,
    operation: &Operation,
    hold: OperationId,
    now: Timestamp,
) -> Decision {
    let hold = open_hold(batch, operation, hold, now)?;
    let end = End { kind: Kind::HoldVoid, amount: hold.amount, fee: 0, other: None };
    close_hold(batch, operation, hold, end, now).map(Done::Money)
}
