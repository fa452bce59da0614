//! A payout: money is reserved for a bank.

use super::single::{Single, book_single};
use crate::{
    kernel::{buckets::Buckets, clock::Timestamp},
    ledger::{
        book::{
            batch::Batch,
            due::settle_due,
            rules::{covers, may_be_used},
        },
        entry::TransactionStatus,
        kind::Kind,
        operation::{Operation, RequestPayout},
        outcome::{Decision, Done},
        payout::Payout,
    },
};

pub(super) fn decide(
    batch: &mut Batch,
    operation: &Operation,
    payout: &RequestPayout,
    now: Timestamp,
) -> Decision {
    may_be_used(batch.wallet(operation.wallet)?)?;
    settle_due(batch, operation.wallet, now)?;
    let amount = payout.amount.minor_units();
    covers(batch.wallet(operation.wallet)?, amount)?;
    let single = Single {
        kind: Kind::Payout,
        status: TransactionStatus::Completed,
        amount,
        delta: Buckets { available: -amount, held: amount, unreleased: 0 },
        note: None,
    };
    let receipt = book_single(batch, operation, single, now)?;
    batch.requested_payouts.push(Payout {
        transaction: operation.id,
        wallet: operation.wallet,
        version: receipt.balance.version,
        amount,
        account: payout.account.clone(),
    });
    Ok(Done::Money(receipt))
}
