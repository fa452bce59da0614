//! A withdrawal: money goes out.

use super::single::{Single, book_single};
use crate::{
    kernel::{buckets::Buckets, clock::Timestamp, money::Amount},
    ledger::{
        book::{
            batch::Batch,
            due::{is_more_due, settle_due},
            rules::{covers, may_be_used},
        },
        entry::TransactionStatus,
        kind::Kind,
        operation::{Operation, Refusals},
        outcome::{Decision, Done},
    },
};

pub(super) fn decide(batch: &mut Batch, operation: &Operation, amount: Amount, now: Timestamp) -> Decision {
    may_be_used(batch.wallet(operation.wallet)?)?;
    settle_due(batch, operation.wallet, now)?;
    let wallet = batch.wallet(operation.wallet)?;
    let minor_units = amount.minor_units();
    let single =
        |status, delta| Single { kind: Kind::Withdrawal, status, amount: minor_units, delta, note: None };
    let Err(refusal) = covers(wallet, minor_units) else {
        let done = single(TransactionStatus::Completed, Buckets::available(-minor_units));
        return book_single(batch, operation, done, now).map(Done::Money);
    };
    // While more is due it is not refused, but decided again.
    if operation.refusals == Refusals::Stored && !is_more_due(batch, operation.wallet, now) {
        // With an entry of zero: the customer sees the attempt, and its reference stays free.
        let refused = single(TransactionStatus::Refused, Buckets::default());
        book_single(batch, operation, refused, now)?;
    }
    Err(refusal)
}
