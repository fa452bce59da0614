//! A withdrawal: money goes out.

use super::single::{Single, book_single};
use crate::{
    kernel::{buckets::Buckets, clock::Timestamp, money::Amount},
    ledger::{
        book::{
            batch::Batch,
            rules::{covers, may_be_used},
        },
        entry::TransactionStatus,
        kind::Kind,
        operation::{Operation, Refusals},
        outcome::{Decision, Done},
    },
};

pub(super) fn decide(batch: &mut Batch, operation: &Operation, amount: Amount, now: Timestamp) -> Decision {
    let wallet = batch.wallet(operation.wallet)?;
    may_be_used(wallet)?;
    let minor_units = amount.minor_units();
    let single = |status, delta| Single { kind: Kind::Withdrawal, status, amount: minor_units, delta };
    let Err(refusal) = covers(wallet, minor_units) else {
        let done = single(TransactionStatus::Completed, Buckets::available(-minor_units));
        return book_single(batch, operation, done, now).map(Done::Money);
    };
    if operation.refusals == Refusals::Stored {
        // With an entry of zero: the customer sees the attempt, and its reference stays free.
        let refused = single(TransactionStatus::Refused, Buckets::default());
        book_single(batch, operation, refused, now)?;
    }
    Err(refusal)
}
