//! The two logs and their rows, with what a message says beside them.

use crate::{
    kernel::{
        buckets::Buckets,
        clock::Timestamp,
        currency::Currency,
        ids::{CustomerXid, OperationId, ReferenceId, WalletId},
        status::Status,
    },
    ledger::{entry::TransactionStatus, kind::Kind},
};

/// One of the ledger's two logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Log {
    Entries,
    StatusChanges,
}

impl Log {
    /// The log's name in `cursors`; also its table.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Entries => "entries",
            Self::StatusChanges => "status_changes",
        }
    }
}

/// A row of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogRow {
    Entry(EntryRow),
    StatusChange(StatusChangeRow),
}

/// An entry, and what its message says beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryRow {
    pub position: i64,
    pub wallet: WalletId,
    pub owner: CustomerXid,
    pub version: i64,
    pub transaction: OperationId,
    pub kind: Kind,
    pub status: TransactionStatus,
    /// As asked, in minor units.
    pub amount: i64,
    /// What the entry's wallet paid; 0 on the receiving side of a transfer.
    pub fee: i64,
    pub currency: Currency,
    /// None on the receiving side of a transfer: it is the sender's own.
    pub reference: Option<ReferenceId>,
    pub delta: Buckets,
    pub after: Buckets,
    pub occurred_at: Timestamp,
    pub hash: [u8; 32],
}

/// A status change, and what its message says beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusChangeRow {
    pub position: i64,
    pub wallet: WalletId,
    pub owner: CustomerXid,
    pub status_version: i64,
    pub status: Status,
    pub frozen: bool,
    pub occurred_at: Timestamp,
}

impl LogRow {
    /// The row's place in its log.
    #[must_use]
    pub fn position(&self) -> i64 {
        match self {
            Self::Entry(row) => row.position,
            Self::StatusChange(row) => row.position,
        }
    }

    /// When it was written, by the books.
    #[must_use]
    pub fn occurred_at(&self) -> Timestamp {
        match self {
            Self::Entry(row) => row.occurred_at,
            Self::StatusChange(row) => row.occurred_at,
        }
    }

    /// The row's wallet, and its version or status version there.
    #[must_use]
    pub fn key(&self) -> (WalletId, i64) {
        match self {
            Self::Entry(row) => (row.wallet, row.version),
            Self::StatusChange(row) => (row.wallet, row.status_version),
        }
    }
}
