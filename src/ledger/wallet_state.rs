//! A wallet as the ledger sees it under its row lock.

use crate::kernel::{buckets::Buckets, clock::Timestamp, currency::Currency, ids::WalletId, status::Status};

/// One row of `wallets`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WalletState {
    pub id: WalletId,
    pub currency: Currency,
    pub status: Status,
    pub frozen_at: Option<Timestamp>,
    /// The number of the last status change; 0 before the first.
    pub status_version: i64,
    pub enabled_at: Option<Timestamp>,
    pub disabled_at: Option<Timestamp>,
    pub buckets: Buckets,
    /// The number of the last entry; 0 before the first.
    pub version: i64,
    /// The hash of the last entry; zeros before the first.
    pub head_hash: [u8; 32],
    pub last_entry_at: Option<Timestamp>,
    /// Nothing of the wallet becomes due before this moment; none: nothing ever.
    pub next_due_at: Option<Timestamp>,
}
