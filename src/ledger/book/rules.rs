//! The checks, each of one wallet.

use crate::{
    kernel::{
        clock::Timestamp,
        money::{Amount, MAX_MINOR_UNITS},
    },
    ledger::{
        refusal::Refusal,
        wallet_state::{Status, WalletState},
    },
};

pub(super) fn may_be_used(wallet: &WalletState) -> Result<(), Refusal> {
    if wallet.status == Status::Disabled {
        return Err(Refusal::WalletDisabled);
    }
    if wallet.frozen_at.is_some() {
        return Err(Refusal::WalletFrozen);
    }
    Ok(())
}

/// Whether the balance stays within its limit.
pub(super) fn has_room(wallet: &WalletState, amount: Amount) -> bool {
    amount.minor_units() <= MAX_MINOR_UNITS - wallet.buckets.total()
}

pub(super) fn covers(wallet: &WalletState, required: i64) -> Result<(), Refusal> {
    let available = wallet.buckets.available;
    if required > available { Err(Refusal::InsufficientFunds { available, required }) } else { Ok(()) }
}

/// No entry is dated before the one it follows.
pub(super) fn not_before(wallet: &WalletState, now: Timestamp) -> Timestamp {
    wallet.last_entry_at.map_or(now, |last| last.max(now))
}
