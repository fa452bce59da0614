//! What is read of a wallet.

use crate::{
    cache::{MoneyView, NextRelease, StatusView, WalletView},
    kernel::{
        buckets::Buckets,
        clock::Timestamp,
        ids::{CustomerXid, WalletId},
        status::Status,
    },
    ledger::{StatusReceipt, wallets::Wallet},
};

/// The view of a wallet as it is shown: what is due may be spent, whether a step has released it or not.
pub(super) fn shown(wallet: &Wallet) -> WalletView {
    let mut view = view(wallet);
    view.money.available += wallet.due;
    view.money.unreleased -= wallet.due;
    view.money.next_release = wallet.next_release_at.map_or(NextRelease::Never, NextRelease::At);
    view
}

/// The balance view of a wallet as the books have it. While something is due it is not shown from the cache.
pub(super) fn view(wallet: &Wallet) -> WalletView {
    let Buckets { available, held, unreleased } = wallet.buckets;
    let next_release = match wallet.next_release_at {
        _ if wallet.due > 0 => NextRelease::Unknown,
        Some(at) => NextRelease::At(at),
        None => NextRelease::Never,
    };
    WalletView {
        id: wallet.id,
        owner: wallet.owner,
        currency: wallet.currency,
        money: MoneyView { available, held, unreleased, next_release, version: wallet.version },
        status: StatusView {
            enabled: wallet.status == Status::Enabled,
            frozen: wallet.frozen_at.is_some(),
            enabled_at: wallet.enabled_at,
            disabled_at: wallet.disabled_at,
            version: wallet.status_version,
        },
    }
}

/// The status of a wallet right after a change.
pub(super) fn changed(receipt: &StatusReceipt) -> StatusView {
    StatusView {
        enabled: receipt.status == Status::Enabled,
        frozen: receipt.frozen,
        enabled_at: receipt.enabled_at,
        disabled_at: receipt.disabled_at,
        version: receipt.status_version,
    }
}

/// A wallet and its owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnedWallet {
    pub wallet: WalletId,
    pub owner: CustomerXid,
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
