//! A change of a wallet's status: no money moves.

use crate::{
    kernel::clock::Timestamp,
    ledger::{
        book::batch::Batch,
        entry::StatusChange,
        operation::Operation,
        outcome::{Decision, Done, StatusReceipt},
        refusal::Refusal,
        wallet_state::Status,
    },
};

pub(super) fn decide(batch: &mut Batch, operation: &Operation, to: Status, now: Timestamp) -> Decision {
    let wallet = batch.wallet(operation.wallet)?;
    if wallet.status == to {
        return Err(match to {
            Status::Enabled => Refusal::AlreadyEnabled,
            Status::Disabled => Refusal::AlreadyDisabled,
        });
    }
    wallet.status = to;
    wallet.status_version += 1;
    match to {
        Status::Enabled => wallet.enabled_at = Some(now),
        Status::Disabled => wallet.disabled_at = Some(now),
    }
    let receipt = StatusReceipt {
        id: operation.id,
        occurred_at: now,
        status: to,
        frozen: wallet.frozen_at.is_some(),
        status_version: wallet.status_version,
        enabled_at: wallet.enabled_at,
        disabled_at: wallet.disabled_at,
        balance: (&*wallet).into(),
    };
    batch.status_changes.push(StatusChange {
        id: operation.id,
        wallet: operation.wallet,
        status_version: receipt.status_version,
        status: to,
        frozen: receipt.frozen,
        actor: operation.actor.to_string(),
        occurred_at: now,
    });
    Ok(Done::Status(receipt))
}
