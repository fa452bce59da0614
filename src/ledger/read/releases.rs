//! What is to come: a wallet's open releases, the next one first.

use sqlx::{Row, postgres::PgRow};
use uuid::Uuid;

use super::due_page::due_page;
use crate::{
    db::{DbError, Pool, ask},
    kernel::{
        clock::Timestamp,
        ids::{OperationId, WalletId},
        pagination::{DueCursor, Page, PageRequest},
    },
    ledger::error::LedgerError,
};

/// A wallet's open releases after one, in the order of their moments.
pub const OPEN_RELEASES: &str = "\
select r.transaction_id, r.amount, r.due_at
from releases r
where r.wallet_id = $1::uuid and r.closed_by is null and (r.due_at, r.transaction_id) > ($2::timestamptz, $3::uuid)
order by r.due_at, r.transaction_id limit $4";

/// A release that is to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenRelease {
    /// The deposit.
    pub transaction: OperationId,
    /// What is still unreleased, in minor units.
    pub amount: i64,
    pub due_at: Timestamp,
}

/// A page of a wallet's open releases.
pub async fn open_releases(
    db: &Pool,
    wallet: WalletId,
    page: PageRequest<DueCursor>,
) -> Result<Page<OpenRelease, DueCursor>, LedgerError> {
    let (after, id) =
        page.after.map_or((Timestamp::UNIX_EPOCH, Uuid::nil()), |after| (after.due_at, after.id));
    let rows = ask(db, move |db| async move {
        let pool = db.get_postgres_connection_pool();
        let query = sqlx::query(OPEN_RELEASES).bind(wallet.0).bind(after).bind(id);
        Ok(query.bind(i64::from(page.limit) + 1).fetch_all(pool).await?)
    });
    let items = rows.await?.iter().map(decode).collect::<Result<_, _>>()?;
    let cursor = |last: &OpenRelease| DueCursor { due_at: last.due_at, id: last.transaction.0 };
    Ok(due_page(items, page.limit, cursor))
}

fn decode(row: &PgRow) -> Result<OpenRelease, DbError> {
    Ok(OpenRelease {
        transaction: OperationId(row.try_get("transaction_id")?),
        amount: row.try_get("amount")?,
        due_at: row.try_get("due_at")?,
    })
}
