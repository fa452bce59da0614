//! The decisions, one file for each; each checks in the order of [`Refusal`](crate::ledger::Refusal) and then writes.

mod adjustment;
mod deposit;
mod status;
mod transfer;
mod withdrawal;

use super::batch::{Batch, append};
use crate::{
    kernel::clock::Timestamp,
    ledger::{
        entry::{Transaction, TransactionStatus},
        operation::{Action, Kind, Operation},
        outcome::{Decision, Receipt},
        refusal::Refusal,
        wallet_state::Buckets,
    },
};

/// Decides by the rules of money alone; key and reference were looked at before.
pub(super) fn decide(batch: &mut Batch, operation: &Operation, now: Timestamp) -> Decision {
    match &operation.action {
        Action::Deposit { amount, .. } => deposit::decide(batch, operation, *amount, now),
        Action::Withdraw { amount, .. } => withdrawal::decide(batch, operation, *amount, now),
        Action::Transfer(transfer) => transfer::decide(batch, operation, transfer, now),
        Action::Adjust(adjustment) => adjustment::decide(batch, operation, adjustment, now),
        Action::Enable | Action::Disable | Action::Freeze { .. } | Action::Unfreeze { .. } => {
            status::decide(batch, operation, now)
        }
    }
}

/// A transaction with one entry.
struct Single {
    kind: Kind,
    status: TransactionStatus,
    /// Minor units.
    amount: i64,
    delta: Buckets,
}

/// Writes a transaction with its one entry; the checks are over.
fn book_single(
    batch: &mut Batch,
    operation: &Operation,
    single: Single,
    now: Timestamp,
) -> Result<Receipt, Refusal> {
    let Single { kind, status, amount, delta } = single;
    let wallet = batch.wallet(operation.wallet)?;
    let entry = append(wallet, operation.id, kind, delta, now);
    let receipt = Receipt {
        id: operation.id,
        occurred_at: entry.occurred_at,
        amount,
        fee: 0,
        balance: (&*wallet).into(),
    };
    batch.transactions.push(transaction(operation, kind, status, &receipt));
    batch.entries.push(entry);
    Ok(receipt)
}

/// The transaction of a receipt, without another side.
fn transaction(
    operation: &Operation,
    kind: Kind,
    status: TransactionStatus,
    receipt: &Receipt,
) -> Transaction {
    Transaction {
        id: receipt.id,
        kind,
        status,
        wallet: operation.wallet,
        version: receipt.balance.version,
        other: None,
        amount: receipt.amount,
        fee: receipt.fee,
        currency: receipt.balance.currency,
        reference: operation.reference().map(|key| key.reference),
        note: None,
        created_at: receipt.occurred_at,
    }
}
