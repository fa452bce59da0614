//! What was booked on a wallet, newest first: lists for people, read from the pool, outside the loop.

use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, FromQueryResult, Statement};

use super::{LedgerError, entry::TransactionStatus, operation::Kind};
use crate::{
    db::{DbError, within_limit},
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
    /// The caller's own; none on the receiving side of a transfer.
    pub reference: Option<ReferenceId>,
    pub occurred_at: Timestamp,
    /// The number of the entry in the wallet.
    pub version: i64,
}

const LIST: &str = "\
select e.version, e.kind, e.occurred_at, t.id, t.status, t.amount,
       case when e.kind <> 4 then t.reference_id end as reference_id
from entries e join transactions t on t.id = e.transaction_id
where e.wallet_id = $1 and e.version < $2
order by e.version desc limit $3";

#[derive(FromQueryResult)]
struct Row {
    version: i64,
    kind: i16,
    occurred_at: Timestamp,
    id: uuid::Uuid,
    status: i16,
    amount: i64,
    reference_id: Option<uuid::Uuid>,
}

/// One page of a wallet's history. A cursor is the version of the last line, so new lines never move a page.
pub async fn list(
    db: &DatabaseConnection,
    wallet: WalletId,
    page: PageRequest,
) -> Result<Page<HistoryItem>, LedgerError> {
    let before = page.after.map_or(i64::MAX, |cursor| cursor.0);
    let limit = usize::from(page.limit);
    // One more than asked for tells whether there is a next page.
    let one_more = i64::from(page.limit) + 1;
    let statement = Statement::from_sql_and_values(
        DbBackend::Postgres,
        LIST,
        [wallet.0.into(), before.into(), one_more.into()],
    );
    let rows = within_limit(async { Ok(db.query_all_raw(statement).await?) }).await?;
    let mut items = Vec::with_capacity(rows.len());
    for row in &rows {
        items.push(item(Row::from_query_result(row, "").map_err(DbError::from)?)?);
    }
    let is_last = items.len() <= limit;
    items.truncate(limit);
    let next = if is_last { None } else { items.last().map(|item| Cursor(item.version)) };
    Ok(Page { items, next })
}

fn item(row: Row) -> Result<HistoryItem, LedgerError> {
    let unreadable = || LedgerError::Internal(format!("transaction {} cannot be read", row.id));
    Ok(HistoryItem {
        id: OperationId(row.id),
        kind: Kind::from_code(row.kind).ok_or_else(unreadable)?,
        status: TransactionStatus::from_code(row.status).ok_or_else(unreadable)?,
        amount: row.amount,
        reference: row.reference_id.map(ReferenceId),
        occurred_at: row.occurred_at,
        version: row.version,
    })
}
