//! A change of a wallet's status: no money moves. Frozen stands beside enabled and disabled.

use crate::{
    kernel::{clock::Timestamp, status::Status},
    ledger::{
        book::batch::Batch,
        entry::StatusChange,
        operation::{Action, Operation},
        outcome::{Decision, Done, StatusReceipt},
        refusal::Refusal,
        wallet_state::WalletState,
    },
};

pub(super) fn decide(batch: &mut Batch, operation: &Operation, now: Timestamp) -> Decision {
    let wallet = batch.wallet(operation.wallet)?;
    change(wallet, &operation.action, now)?;
    wallet.status_version += 1;
    let receipt = StatusReceipt {
        id: operation.id,
        occurred_at: now,
        status: wallet.status,
        frozen: wallet.frozen_at.is_some(),
        status_version: wallet.status_version,
        enabled_at: wallet.enabled_at,
        disabled_at: wallet.disabled_at,
        balance: (&*wallet).into(),
    };
    let reason = match &operation.action {
        Action::Freeze { reason } | Action::Unfreeze { reason } => Some(reason.clone()),
        _ => None,
    };
    batch.status_changes.push(StatusChange {
        id: operation.id,
        wallet: operation.wallet,
        status_version: receipt.status_version,
        status: receipt.status,
        frozen: receipt.frozen,
        actor: operation.actor.to_string(),
        reason,
        occurred_at: now,
    });
    Ok(Done::Status(receipt))
}

fn change(wallet: &mut WalletState, action: &Action, now: Timestamp) -> Result<(), Refusal> {
    match (action, wallet.status, wallet.frozen_at) {
        (Action::Enable, Status::Enabled, _) => return Err(Refusal::AlreadyEnabled),
        (Action::Disable, Status::Disabled, _) => return Err(Refusal::AlreadyDisabled),
        (Action::Freeze { .. }, _, Some(_)) => return Err(Refusal::AlreadyFrozen),
        (Action::Unfreeze { .. }, _, None) => return Err(Refusal::NotFrozen),
        (Action::Enable, ..) => (wallet.status, wallet.enabled_at) = (Status::Enabled, Some(now)),
        (Action::Disable, ..) => (wallet.status, wallet.disabled_at) = (Status::Disabled, Some(now)),
        (Action::Freeze { .. }, ..) => wallet.frozen_at = Some(now),
        (Action::Unfreeze { .. }, ..) => wallet.frozen_at = None,
        // Money is decided elsewhere.
        (
            Action::Deposit(_)
            | Action::Withdraw { .. }
            | Action::Transfer(_)
            | Action::Hold(_)
            | Action::Capture(_)
            | Action::Void { .. }
            | Action::RequestPayout(_)
            | Action::EndPayout(_)
            | Action::Adjust(_)
            | Action::SettleDue { .. },
            ..,
        ) => {}
    }
    Ok(())
}
