//! Reading what was written, in order: the log of money (`entries`) and the log of status (`status_changes`), and the
//! gate that keeps a reader from skipping the rows of a slower batch.

use std::str::FromStr;

use sqlx::{PgConnection, Row, postgres::PgRow};
use uuid::Uuid;

use super::{
    entry::TransactionStatus,
    operation::Kind,
    store::LOG_LOCK,
    wallet_state::{Buckets, Status},
};
use crate::{
    db::DbError,
    kernel::{
        clock::Timestamp,
        currency::Currency,
        ids::{OperationId, ReferenceId, WalletId, Xid},
    },
};

/// One of the ledger's two logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Log {
    Entries,
    StatusChanges,
}

/// A row of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogRow {
    Entry(EntryRow),
    StatusChange(StatusChangeRow),
}

/// An entry with what the world is told beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryRow {
    pub position: i64,
    pub wallet: WalletId,
    pub owner: Xid,
    pub version: i64,
    pub transaction: OperationId,
    pub kind: Kind,
    pub status: TransactionStatus,
    /// As asked, in minor units.
    pub amount: i64,
    pub fee: i64,
    pub currency: Currency,
    pub reference: Option<ReferenceId>,
    pub delta: Buckets,
    pub after: Buckets,
    pub occurred_at: Timestamp,
    pub hash: [u8; 32],
}

/// A status change with what the world is told beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusChangeRow {
    pub position: i64,
    pub wallet: WalletId,
    pub owner: Xid,
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
}
