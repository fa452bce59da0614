//! The decisions, one file for each; each checks in the order of [`Refusal`](crate::ledger::Refusal) and then writes.

mod adjustment;
mod capture;
mod deposit;
mod end_hold;
mod end_payout;
mod hold;
mod payout;
mod second_step;
mod settle_due;
mod single;
mod status;
mod transfer;
mod void;
mod withdrawal;

use super::batch::Batch;
use crate::{
    kernel::clock::Timestamp,
    ledger::{
        operation::{Action, Operation},
        outcome::Decision,
    },
};

/// Decides by the rules of money alone; key and reference were looked at before.
pub(super) fn decide(batch: &mut Batch, operation: &Operation, now: Timestamp) -> Decision {
    match &operation.action {
        Action::Deposit(deposit) => deposit::decide(batch, operation, deposit, now),
        Action::Withdraw { amount, .. } => withdrawal::decide(batch, operation, *amount, now),
        Action::Transfer(transfer) => transfer::decide(batch, operation, transfer, now),
        Action::Adjust(adjustment) => adjustment::decide(batch, operation, adjustment, now),
        Action::Hold(hold) => hold::decide(batch, operation, hold, now),
        Action::Capture(capture) => capture::decide(batch, operation, capture, now),
        Action::Void { hold } => void::decide(batch, operation, *hold, now),
        Action::RequestPayout(payout) => payout::decide(batch, operation, payout, now),
        Action::EndPayout(ended) => end_payout::decide(batch, operation, ended, now),
        Action::SettleDue { at_most } => settle_due::decide(batch, operation, *at_most, now),
        Action::Enable | Action::Disable | Action::Freeze { .. } | Action::Unfreeze { .. } => {
            status::decide(batch, operation, now)
        }
    }
}
