//! A deposit: money comes in from outside, to be spent at once or from a moment on.

use chrono::TimeDelta;

use super::single::{Single, book_single};
use crate::{
    kernel::{buckets::Buckets, clock::Timestamp},
    ledger::{
        book::{
            batch::Batch,
            due::falls_due,
            rules::{has_room, may_be_used},
        },
        entry::TransactionStatus,
        kind::Kind,
        operation::{Deposit, Operation},
        outcome::{Decision, Done},
        refusal::Refusal,
        release::Release,
    },
};

/// The furthest that a release lies ahead: ten years.
const RELEASE_MAX: TimeDelta = TimeDelta::days(3_653);

pub(super) fn decide(
    batch: &mut Batch,
    operation: &Operation,
    deposit: &Deposit,
    now: Timestamp,
) -> Decision {
    let wallet = batch.wallet(operation.wallet)?;
    may_be_used(wallet)?;
    if deposit.release_at.is_some_and(|release_at| release_at <= now || release_at > now + RELEASE_MAX) {
        return Err(Refusal::ReleaseOutOfRange);
    }
    if !has_room(wallet, deposit.amount) {
        return Err(Refusal::BalanceLimit);
    }
    let amount = deposit.amount.minor_units();
    let delta = match deposit.release_at {
        None => Buckets::available(amount),
        Some(_) => Buckets { unreleased: amount, ..Buckets::default() },
    };
    let single =
        Single { kind: Kind::Deposit, status: TransactionStatus::Completed, amount, delta, note: None };
    let mut receipt = book_single(batch, operation, single, now)?;
    if let Some(due_at) = deposit.release_at {
        let (transaction, wallet) = (operation.id, operation.wallet);
        batch.releases.push(Release { transaction, wallet, amount, due_at });
        falls_due(batch, wallet, due_at)?;
        receipt.due_at = Some(due_at);
    }
    Ok(Done::Money(receipt))
}
