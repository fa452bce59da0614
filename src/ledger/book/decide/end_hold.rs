//! What a capture and a void have in common: the hold must be open, and is closed by a step.

use super::second_step::{SecondStep, book_second_step};
use crate::{
    kernel::{
        buckets::Buckets,
        clock::Timestamp,
        ids::{OperationId, WalletId},
    },
    ledger::{
        book::{
            batch::Batch,
            due::{settle, settle_due},
        },
        due_item::{Closing, DueItem, DueKind},
        hold::Hold,
        kind::Kind,
        operation::Operation,
        outcome::Receipt,
        refusal::Refusal,
    },
};

/// The hold, if it is open. One that is met expired is booked as such.
pub(super) fn open_hold(
    batch: &mut Batch,
    operation: &Operation,
    hold: OperationId,
    now: Timestamp,
) -> Result<Hold, Refusal> {
    settle_due(batch, operation.wallet, now)?;
    let named = batch.holds.get(&hold).filter(|named| named.hold.wallet == operation.wallet);
    let named = *named.ok_or(Refusal::HoldNotFound)?;
    match named.closed {
        Some(Kind::HoldVoid) => return Err(Refusal::HoldVoided),
        Some(Kind::HoldExpiry) => return Err(Refusal::HoldExpired),
        Some(_) => return Err(Refusal::HoldCaptured),
        None => {}
    }
    let Hold { transaction, amount, expires_at, wallet } = named.hold;
    if expires_at <= now {
        // So much is due in the wallet that it was not among what was read.
        let expired =
            DueItem { kind: DueKind::HoldExpiry, transaction, amount, due_at: expires_at, last_step: 1 };
        settle(batch, wallet, &expired, now)?;
        return Err(Refusal::HoldExpired);
    }
    Ok(named.hold)
}

/// How a hold ends. Money is in minor units.
pub(super) struct End {
    pub(super) kind: Kind,
    /// What is captured, or given back.
    pub(super) amount: i64,
    pub(super) fee: i64,
    /// The wallet that gets it, and the number of its entry there.
    pub(super) other: Option<(WalletId, i64)>,
}

/// Closes an open hold; the checks are over. What leaves the wallet is amount and fee of a capture.
pub(super) fn close_hold(
    batch: &mut Batch,
    operation: &Operation,
    hold: Hold,
    end: End,
    now: Timestamp,
) -> Result<Receipt, Refusal> {
    let End { kind, amount, fee, other } = end;
    let leaving = if kind == Kind::HoldVoid { 0 } else { amount + fee };
    let step = SecondStep {
        transaction: hold.transaction,
        wallet: hold.wallet,
        kind,
        delta: Buckets { available: hold.amount - leaving, held: -hold.amount, unreleased: 0 },
        amount,
        fee,
        other,
        reason: None,
    };
    let receipt = book_second_step(batch, operation, step, now)?;
    batch.closed_holds.push(Closing { transaction: hold.transaction, by: operation.id });
    if let Some(named) = batch.holds.get_mut(&hold.transaction) {
        named.closed = Some(kind);
    }
    Ok(receipt)
}
