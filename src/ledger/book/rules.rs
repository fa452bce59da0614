//! The checks, each of one wallet.

use crate::{
    kernel::{
        clock::Timestamp,
        money::{Amount, MAX_MINOR_UNITS},
        status::Status,
    },
    ledger::{refusal::Refusal, wallet_state::WalletState},
};

/// The largest balance with which a wallet can receive a transfer, in minor units: 2^52.
pub(super) const RECEIVER_MAX: i64 = 1 << 52;

/// The largest amount of a transfer, in minor units: 2^52 − 1.
pub(super) const TRANSFER_MAX: i64 = (1 << 52) - 1;

// Whatever a receiver within the first limit gets within the second, the balance stays within its own limit. So whether
// a transfer is possible never depends on the sum of the two, and no amount reveals anything of the receiver's balance.
const _: () = assert!(RECEIVER_MAX + TRANSFER_MAX == MAX_MINOR_UNITS);

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

/// Whether the wallet can receive a transfer of this amount. The two limits are judged each for itself: their sum would
/// reveal to the sender what the receiver has.
pub(super) fn may_receive(wallet: &WalletState, amount: Amount) -> bool {
    may_be_used(wallet).is_ok()
        && wallet.buckets.total() <= RECEIVER_MAX
        && amount.minor_units() <= TRANSFER_MAX
}

pub(super) fn covers(wallet: &WalletState, required: i64) -> Result<(), Refusal> {
    let available = wallet.buckets.available;
    if required > available { Err(Refusal::InsufficientFunds { available, required }) } else { Ok(()) }
}

/// No entry is dated before the one it follows.
pub(super) fn not_before(wallet: &WalletState, now: Timestamp) -> Timestamp {
    wallet.last_entry_at.map_or(now, |last| last.max(now))
}
