//! A transfer: the sender pays amount and fee, the receiver gets the amount.

use super::single::transaction;
use crate::{
    kernel::{buckets::Buckets, clock::Timestamp},
    ledger::{
        book::{
            batch::{Batch, append},
            due::settle_due,
            rules::{covers, may_be_used, may_receive},
        },
        entry::{Transaction, TransactionStatus},
        kind::Kind,
        operation::{Operation, Transfer},
        outcome::{Decision, Done, Receipt},
        refusal::Refusal,
    },
};

/// Everything that concerns the sender alone is judged before the receiver is looked at, so that a sender who could not pay
/// learns nothing of another's wallet.
pub(super) fn decide(
    batch: &mut Batch,
    operation: &Operation,
    transfer: &Transfer,
    now: Timestamp,
) -> Decision {
    let Transfer { to, amount, fee, note, .. } = transfer;
    let sender = batch.wallet(operation.wallet)?;
    may_be_used(sender)?;
    if *to == sender.id {
        return Err(Refusal::SelfTransfer);
    }
    settle_due(batch, operation.wallet, now)?;
    let sender = batch.wallet(operation.wallet)?;
    let required = amount.minor_units().saturating_add(*fee);
    covers(sender, required)?;
    let [Some(sender), Some(receiver)] = batch.wallets.get_disjoint_mut([&operation.wallet, to]) else {
        return Err(Refusal::RecipientUnavailable);
    };
    let (sender, receiver) = (&mut sender.now, &mut receiver.now);
    if !may_receive(receiver, *amount) {
        return Err(Refusal::RecipientUnavailable);
    }
    if receiver.currency != sender.currency {
        return Err(Refusal::CurrencyMismatch);
    }
    // The transfer succeeds from here on. Each side is dated for itself, so that a wallet whose last entry lies in the future
    // does not take the other one there.
    let (incoming, outgoing) = (Buckets::available(amount.minor_units()), Buckets::available(-required));
    let credit = append(receiver, operation.id, Kind::TransferIn, incoming, now);
    let debit = append(sender, operation.id, Kind::TransferOut, outgoing, now);
    let receipt = Receipt {
        id: operation.id,
        occurred_at: debit.occurred_at,
        amount: amount.minor_units(),
        fee: *fee,
        due_at: None,
        balance: (&*sender).into(),
    };
    batch.transactions.push(Transaction {
        other: Some((credit.wallet, credit.version)),
        note: note.clone(),
        ..transaction(operation, Kind::TransferOut, TransactionStatus::Completed, &receipt)
    });
    batch.entries.extend([debit, credit]);
    Ok(Done::Money(receipt))
}
