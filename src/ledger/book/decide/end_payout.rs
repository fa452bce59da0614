//! The end of a payout: the bank has paid, does not pay, or sends back what it had paid. It is booked whatever the wallet's
//! status, and each end once.

use super::{
    second_step::{SecondStep, book_second_step},
    single::{Single, book_single},
};
use crate::{
    kernel::{
        buckets::Buckets, clock::Timestamp, ids::OperationId, money::MAX_MINOR_UNITS,
        payout_failure::PayoutFailure,
    },
    ledger::{
        book::batch::Batch,
        entry::TransactionStatus,
        kind::Kind,
        operation::{EndPayout, Operation, PayoutEnding},
        outcome::{Decision, Done, Receipt},
        payout::{PayoutChange, PayoutState},
        refusal::Refusal,
    },
};

pub(super) fn decide(
    batch: &mut Batch,
    operation: &Operation,
    ended: &EndPayout,
    now: Timestamp,
) -> Decision {
    let named = batch.payouts.get(&ended.payout).filter(|named| named.wallet == operation.wallet);
    let payout = *named.ok_or(Refusal::PayoutNotFound)?;
    let receipt = match (ended.end, payout.closed) {
        (PayoutEnding::Bounced(_), None) => Err(Refusal::PayoutPending),
        (_, Some(Kind::PayoutReturned)) => Err(Refusal::PayoutReturned),
        (_, Some(_)) if payout.is_reversed => Err(Refusal::PayoutReversed),
        (PayoutEnding::Bounced(failure), Some(_)) => reverse(batch, operation, payout, failure, now),
        (_, Some(_)) => Err(Refusal::PayoutSettled),
        (PayoutEnding::Settled, None) => close(batch, operation, payout, None, ended, now),
        (PayoutEnding::Returned(failure), None) => close(batch, operation, payout, Some(failure), ended, now),
    };
    receipt.map(Done::Money)
}

/// Closes an open payout: with a failure its money may be spent again, otherwise it has gone out.
fn close(
    batch: &mut Batch,
    operation: &Operation,
    payout: PayoutState,
    failure: Option<PayoutFailure>,
    ended: &EndPayout,
    now: Timestamp,
) -> Result<Receipt, Refusal> {
    let PayoutState { transaction, amount, .. } = payout;
    let (kind, available) = match failure {
        None => (Kind::PayoutSettled, 0),
        Some(_) => (Kind::PayoutReturned, amount),
    };
    let step = SecondStep {
        transaction,
        wallet: payout.wallet,
        kind,
        delta: Buckets { available, held: -amount, unreleased: 0 },
        amount,
        fee: 0,
        other: None,
        reason: ended.reason.clone(),
    };
    let receipt = book_second_step(batch, operation, step, now)?;
    change(batch, transaction, |change, state| {
        (change.closed_by, change.failure) = (Some(operation.id), failure);
        state.closed = Some(kind);
    });
    Ok(receipt)
}

/// Books money that came back as a transaction of its own.
fn reverse(
    batch: &mut Batch,
    operation: &Operation,
    payout: PayoutState,
    failure: PayoutFailure,
    now: Timestamp,
) -> Result<Receipt, Refusal> {
    if payout.amount > MAX_MINOR_UNITS - batch.wallet(payout.wallet)?.buckets.total() {
        return Err(Refusal::BalanceLimit);
    }
    let single = Single {
        kind: Kind::WithdrawalReversal,
        status: TransactionStatus::Completed,
        amount: payout.amount,
        delta: Buckets::available(payout.amount),
        note: None,
    };
    let receipt = book_single(batch, operation, single, now)?;
    change(batch, payout.transaction, |change, state| {
        (change.reversed_by, change.failure) = (Some(operation.id), Some(failure));
        state.is_reversed = true;
    });
    Ok(receipt)
}

/// Notes what changes in a payout, for the row and for operations of the batch that follow.
fn change(
    batch: &mut Batch,
    transaction: OperationId,
    set: impl FnOnce(&mut PayoutChange, &mut PayoutState),
) {
    let Some(state) = batch.payouts.get_mut(&transaction) else { return };
    let known = batch.payout_changes.iter().position(|change| change.transaction == transaction);
    let at = known.unwrap_or_else(|| {
        let unchanged = PayoutChange { transaction, closed_by: None, reversed_by: None, failure: None };
        batch.payout_changes.push(unchanged);
        batch.payout_changes.len() - 1
    });
    set(&mut batch.payout_changes[at], state);
}
