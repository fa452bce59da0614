//! A deposit: money comes in from outside.

use super::single::{Single, book_single};
use crate::{
    kernel::{buckets::Buckets, clock::Timestamp, money::Amount},
    ledger::{
        book::{
            batch::Batch,
            rules::{has_room, may_be_used},
        },
        entry::TransactionStatus,
        kind::Kind,
        operation::Operation,
        outcome::{Decision, Done},
        refusal::Refusal,
    },
};

pub(super) fn decide(batch: &mut Batch, operation: &Operation, amount: Amount, now: Timestamp) -> Decision {
    let wallet = batch.wallet(operation.wallet)?;
    may_be_used(wallet)?;
    if !has_room(wallet, amount) {
        return Err(Refusal::BalanceLimit);
    }
    let single = Single {
        kind: Kind::Deposit,
        status: TransactionStatus::Completed,
        amount: amount.minor_units(),
        delta: Buckets::available(amount.minor_units()),
    };
    book_single(batch, operation, single, now).map(Done::Money)
}
