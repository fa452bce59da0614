//! A hold: money is reserved.

use chrono::TimeDelta;

use super::single::{Single, book_single};
use crate::{
    kernel::{buckets::Buckets, clock::Timestamp},
    ledger::{
        book::{
            batch::Batch,
            due::{falls_due, settle_due},
            rules::{covers, may_be_used},
        },
        entry::TransactionStatus,
        hold::Hold,
        kind::Kind,
        operation::{Operation, PlaceHold},
        outcome::{Decision, Done},
        refusal::Refusal,
    },
};

/// How long a hold lasts that names no expiry.
const DEFAULT_TTL: TimeDelta = TimeDelta::days(7);
/// The longest that a hold lasts.
const MAX_TTL: TimeDelta = TimeDelta::days(90);

pub(super) fn decide(batch: &mut Batch, operation: &Operation, hold: &PlaceHold, now: Timestamp) -> Decision {
    may_be_used(batch.wallet(operation.wallet)?)?;
    let expires_at = hold.expires_at.unwrap_or(now + DEFAULT_TTL);
    if expires_at <= now || expires_at > now + MAX_TTL {
        return Err(Refusal::ExpiryOutOfRange);
    }
    settle_due(batch, operation.wallet, now)?;
    let amount = hold.amount.minor_units();
    covers(batch.wallet(operation.wallet)?, amount)?;
    let single = Single {
        kind: Kind::Hold,
        status: TransactionStatus::Completed,
        amount,
        delta: Buckets { available: -amount, held: amount, unreleased: 0 },
        note: hold.note.clone(),
    };
    let mut receipt = book_single(batch, operation, single, now)?;
    let (transaction, wallet) = (operation.id, operation.wallet);
    batch.placed_holds.push(Hold { transaction, wallet, amount, expires_at });
    falls_due(batch, wallet, expires_at)?;
    receipt.due_at = Some(expires_at);
    Ok(Done::Money(receipt))
}
