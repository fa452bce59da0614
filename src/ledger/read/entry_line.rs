//! One entry of a wallet as a line for people: what its transaction says beside it, as far as this wallet may see it.

use sqlx::{Row as _, postgres::PgRow};

use crate::{
    db::DbError,
    kernel::{
        clock::Timestamp,
        ids::{OperationId, ReferenceId},
    },
    ledger::{entry::TransactionStatus, kind::Kind},
};

/// One line of a wallet's history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryItem {
    pub id: OperationId,
    pub kind: Kind,
    pub status: TransactionStatus,
    /// Minor units, positive.
    pub amount: i64,
    /// The caller's own; none on the receiving side of a transfer.
    pub reference: Option<ReferenceId>,
    pub occurred_at: Timestamp,
    /// The number of the entry in the wallet.
    pub version: i64,
}

/// A line out of a row that has the columns of [`entry_line!`](crate::ledger::fragments).
pub fn line(row: &PgRow) -> Result<HistoryItem, DbError> {
    let id = row.try_get("id")?;
    let unreadable = || DbError::Defect(format!("transaction {id} cannot be read"));
    Ok(HistoryItem {
        id: OperationId(id),
        kind: Kind::from_code(row.try_get("kind")?).ok_or_else(unreadable)?,
        status: TransactionStatus::from_code(row.try_get("status")?).ok_or_else(unreadable)?,
        amount: row.try_get("amount")?,
        reference: row.try_get::<Option<_>, _>("reference_id")?.map(ReferenceId),
        occurred_at: row.try_get("occurred_at")?,
        version: row.try_get("version")?,
    })
}
