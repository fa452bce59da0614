//! What is read of a wallet.

use crate::{
    cache::WalletView,
    kernel::{
        clock::Timestamp,
        ids::{WalletId, Xid},
    },
};

/// A wallet and its owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnedWallet {
    pub wallet: WalletId,
    pub owner: Xid,
}

/// An enabled wallet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EnabledWallet {
    pub view: WalletView,
    /// When it was enabled last.
    pub enabled_at: Timestamp,
}

/// A value read from a wallet, and the version of the wallet that it shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Versioned<T> {
    pub value: T,
    pub version: i64,
}
