//! What most decisions write: a transaction with one entry.

use crate::{
    kernel::{buckets::Buckets, clock::Timestamp},
    ledger::{
        book::batch::{Batch, append},
        entry::{Transaction, TransactionStatus},
        kind::Kind,
        operation::Operation,
        outcome::Receipt,
        refusal::Refusal,
    },
};

/// A transaction with one entry.
pub(super) struct Single {
    pub(super) kind: Kind,
    pub(super) status: TransactionStatus,
    /// Minor units.
    pub(super) amount: i64,
    pub(super) delta: Buckets,
    pub(super) note: Option<String>,
}

/// Writes a transaction with its one entry; the checks are over.
pub(super) fn book_single(
    batch: &mut Batch,
    operation: &Operation,
    single: Single,
    now: Timestamp,
) -> Result<Receipt, Refusal> {
    let Single { kind, status, amount, delta, note } = single;
    let wallet = batch.wallet(operation.wallet)?;
    let entry = append(wallet, operation.id, kind, delta, now);
    let receipt = Receipt {
        id: operation.id,
        occurred_at: entry.occurred_at,
        amount,
        fee: 0,
        due_at: None,
        balance: (&*wallet).into(),
    };
    batch.transactions.push(Transaction { note, ..transaction(operation, kind, status, &receipt) });
    batch.entries.push(entry);
    Ok(receipt)
}

/// The transaction of a receipt, without another side.
pub(super) fn transaction(
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
