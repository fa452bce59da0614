//! The step that ends a hold or a payout: an entry in its wallet, and the receipt.

use crate::{
    kernel::{
        buckets::Buckets,
        clock::Timestamp,
        ids::{OperationId, WalletId},
    },
    ledger::{
        book::batch::{Batch, append},
        entry::Step,
        kind::Kind,
        operation::Operation,
        outcome::Receipt,
        refusal::Refusal,
    },
};

/// A hold and a payout have two steps: they begin and they end.
const SECOND: i32 = 2;

/// How money that is held ends to be so. Money is in minor units.
pub(super) struct SecondStep {
    /// The hold or the payout.
    pub(super) transaction: OperationId,
    pub(super) wallet: WalletId,
    pub(super) kind: Kind,
    /// What moves in the wallet.
    pub(super) delta: Buckets,
    /// What is captured, paid, or given back.
    pub(super) amount: i64,
    pub(super) fee: i64,
    /// The wallet that gets it, and the number of its entry there.
    pub(super) other: Option<(WalletId, i64)>,
    /// Why, when a person decided it.
    pub(super) reason: Option<String>,
}

/// Books the step; the checks are over.
pub(super) fn book_second_step(
    batch: &mut Batch,
    operation: &Operation,
    step: SecondStep,
    now: Timestamp,
) -> Result<Receipt, Refusal> {
    let SecondStep { transaction, wallet: id, kind, delta, amount, fee, other, reason } = step;
    let wallet = batch.wallet(id)?;
    let entry = append(wallet, transaction, kind, delta, now);
    let receipt = Receipt {
        id: transaction,
        occurred_at: entry.occurred_at,
        amount,
        fee,
        due_at: None,
        balance: (&*wallet).into(),
    };
    batch.steps.push(Step {
        id: operation.id,
        transaction,
        number: SECOND,
        kind,
        wallet: id,
        version: entry.version,
        other,
        amount,
        fee,
        reference: operation.reference().map(|key| key.reference),
        actor: operation.actor.to_string(),
        reason,
        created_at: entry.occurred_at,
    });
    batch.entries.push(entry);
    Ok(receipt)
}
