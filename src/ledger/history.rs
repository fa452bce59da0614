//! What was booked on a wallet, newest first: lists for people, read from the pool, outside the loop.

use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, FromQueryResult, Statement};

use super::{LedgerError, entry::TransactionStatus, operation::Kind};
use crate::{
    db::DbError,
    kernel::{
        clock::Timestamp,
        ids::{OperationId, ReferenceId, WalletId},
        page::{Cursor, Page, PageRequest},
    },
};

/// One line of a wallet's history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryItem {
    pub id: OperationId,
    pub kind: Kind,
    pub status: TransactionStatus,
    /// Minor units, positive.
    pub amount: i64,
    pub reference: Option<ReferenceId>,
    pub occurred_at: Timestamp,
    /// The number of the entry in the wallet.
    pub version: i64,
}
