//! What a batch is decided by.

use super::{
    due_item::WalletDue,
    hold::HoldState,
    operation::{KeyName, ReferenceKey},
    outcome::IdempotencyRecord,
    payout::PayoutState,
    wallet_state::WalletState,
};
use crate::kernel::ids::OperationId;

/// Everything that the books know and that the operations of a batch depend on, read under the batch's locks.
#[derive(Clone, Debug, Default)]
pub struct PriorState {
    pub wallets: Vec<WalletState>,
    /// The references of the batch that are used up, and the transaction that used each.
    pub used_references: Vec<(ReferenceKey, OperationId)>,
    /// The keys of the batch that have a stored decision.
    pub known_keys: Vec<(KeyName, IdempotencyRecord)>,
    /// The holds that the operations of the batch end.
    pub holds: Vec<HoldState>,
    /// The payouts that the operations of the batch end.
    pub payouts: Vec<PayoutState>,
    /// What is due in the wallets of which the batch books it.
    pub due: Vec<WalletDue>,
}

impl From<Vec<WalletState>> for PriorState {
    /// Wallets alone: no reference is used up, and no key is known.
    fn from(wallets: Vec<WalletState>) -> Self {
        Self { wallets, ..Self::default() }
    }
}
