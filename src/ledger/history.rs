//! What was booked on a wallet, newest first: lists for people, read from the pool, outside the loop.

use sqlx::{Row as _, postgres::PgRow};

use super::{
    entry::TransactionStatus,
    error::LedgerError,
    fragments::{entry_status, visible_fee, visible_reference},
    operation::Kind,
    wallet_state::Buckets,
};
use crate::{
    db::{DbError, Pool, ask},
    kernel::{
        clock::Timestamp,
        currency::Currency,
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

/// A page of a wallet's history, the newest line first.
pub const LIST: &str = concat!(
    "select e.version, e.kind, e.occurred_at, t.id, ",
    entry_status!(),
    " as status, t.amount,
       ",
    visible_reference!(),
    " as reference_id
from (select * from entries where wallet_id = $1::uuid and version < $2 order by version desc limit $3) e
cross join lateral (select * from transactions t where t.id = e.transaction_id offset 0) t
order by e.version desc"
);

struct Row {
    version: i64,
    kind: i16,
    occurred_at: Timestamp,
    id: uuid::Uuid,
    status: i16,
    amount: i64,
    reference_id: Option<uuid::Uuid>,
}

/// Which lines of a history are wanted; those that all given conditions hold for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    pub kinds: Option<Vec<Kind>>,
    pub statuses: Option<Vec<TransactionStatus>>,
    /// Not before this moment.
    pub from: Option<Timestamp>,
    /// Before this moment.
    pub to: Option<Timestamp>,
}

impl Filter {
    /// Every line is wanted.
    fn is_open(&self) -> bool {
        *self == Self::default()
    }
}

/// The maximum number of entries that a filtered page looks at.
pub const LOOKED_AT: i64 = 10_000;

/// The same of a stretch of versions, only those lines that are wanted.
pub const FILTERED: &str = concat!(
    "select e.version, e.kind, e.occurred_at, t.id, ",
    entry_status!(),
    " as status, t.amount,
       ",
    visible_reference!(),
    " as reference_id
from (select * from entries where wallet_id = $1::uuid and version < $2 and version >= $3) e
cross join lateral (select * from transactions t where t.id = e.transaction_id offset 0) t
where ($4::int2[] is null or e.kind = any($4)) and ($5::int2[] is null or ",
    entry_status!(),
    " = any($5))
  and ($6::timestamptz is null or e.occurred_at >= $6) and ($7::timestamptz is null or e.occurred_at < $7)
order by e.version desc limit $8"
);

/// One page of a wallet's history. A cursor is the version of the last line, so new lines never move a page.
pub async fn list(
    db: &Pool,
    wallet: WalletId,
    page: PageRequest,
    filter: &Filter,
) -> Result<Page<HistoryItem>, LedgerError> {
    if !filter.is_open() {
        return filtered(db, wallet, page, filter).await;
    }
    let before = page.after.map_or(i64::MAX, |cursor| cursor.0);
    // One more than asked for tells whether there is a next page.
    let one_more = i64::from(page.limit) + 1;
    let rows = ask(db, move |db| async move {
        let pool = db.get_postgres_connection_pool();
        Ok(sqlx::query(LIST).bind(wallet.0).bind(before).bind(one_more).fetch_all(pool).await?)
    });
    let items = rows.await?.iter().map(line).collect::<Result<_, _>>()?;
    Ok(cut(items, page.limit, None))
}

/// A page of at most `limit` lines; `beyond` is where it goes on if all of them fit.
fn cut(mut items: Vec<HistoryItem>, limit: u16, beyond: Option<Cursor>) -> Page<HistoryItem> {
    let is_last = items.len() <= usize::from(limit);
    items.truncate(usize::from(limit));
    let next = if is_last { beyond } else { items.last().map(|item| Cursor(item.version)) };
    Page { items, next }
}

/// Versions have no gap, so the entries to look at are a range of them.
async fn filtered(
    db: &Pool,
    wallet: WalletId,
    page: PageRequest,
    filter: &Filter,
) -> Result<Page<HistoryItem>, LedgerError> {
    let kinds: Option<Vec<i16>> = filter.kinds.as_ref().map(|all| all.iter().map(|k| k.code()).collect());
    let statuses: Option<Vec<i16>> =
        filter.statuses.as_ref().map(|all| all.iter().map(|s| s.code()).collect());
    let (from, to) = (filter.from, filter.to);
    let (rows, low, is_over) = ask(db, move |db| async move {
        let mut conn = db.get_postgres_connection_pool().acquire().await?;
        let before = match page.after {
            Some(cursor) => cursor.0,
            None => {
                let sql = "select version + 1 from wallets where id = $1";
                let found = sqlx::query_scalar(sql).bind(wallet.0).fetch_optional(&mut *conn).await?;
                found.unwrap_or(1)
            }
        };
        let low = (before - LOOKED_AT).max(1);
        let rows: Vec<Row> = sqlx::query(FILTERED)
            .bind(wallet.0)
            .bind(before)
            .bind(low)
            .bind(kinds)
            .bind(statuses)
            .bind(from)
            .bind(to)
            .bind(i64::from(page.limit) + 1)
            .fetch_all(&mut *conn)
            .await?
            .iter()
            .map(row)
            .collect::<Result<_, _>>()?;
        // Entries are in the order of their times: beyond one that is too old are only such.
        let is_over = match from {
            Some(from) if low > 1 => {
                let sql = "select occurred_at < $3 from entries where wallet_id = $1 and version = $2";
                let asked = sqlx::query_scalar(sql).bind(wallet.0).bind(low).bind(from);
                asked.fetch_optional(&mut *conn).await?.unwrap_or(true)
            }
            _ => low == 1,
        };
        Ok((rows, low, is_over))
    })
    .await?;
    let items = rows.into_iter().map(item).collect::<Result<_, DbError>>()?;
    Ok(cut(items, page.limit, (!is_over).then_some(Cursor(low))))
}

fn row(row: &PgRow) -> Result<Row, DbError> {
    Ok(Row {
        version: row.try_get("version")?,
        kind: row.try_get("kind")?,
        occurred_at: row.try_get("occurred_at")?,
        id: row.try_get("id")?,
        status: row.try_get("status")?,
        amount: row.try_get("amount")?,
        reference_id: row.try_get("reference_id")?,
    })
}

/// A line out of a row that has the columns of [`LIST`].
pub(super) fn line(found: &PgRow) -> Result<HistoryItem, DbError> {
    item(row(found)?)
}

fn item(row: Row) -> Result<HistoryItem, DbError> {
    let unreadable = || DbError::Defect(format!("transaction {} cannot be read", row.id));
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

/// A transaction as one of its wallets sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransactionView {
    pub item: HistoryItem,
    pub currency: Currency,
    /// What this wallet paid beside the amount, in minor units.
    pub fee: i64,
    pub note: Option<String>,
    /// The wallet on the other side of a transfer.
    pub counterparty: Option<WalletId>,
    /// The change of this wallet's buckets, and their values after it.
    pub delta: Buckets,
    pub after: Buckets,
}

/// A transaction and this wallet's entry of it.
pub const FIND: &str = concat!(
    "select e.version, e.kind, e.occurred_at, t.id, ",
    entry_status!(),
    " as status, t.amount, t.currency, t.note,
       ",
    visible_reference!(),
    " as reference_id,
       ",
    visible_fee!(),
    " as fee,
       case e.kind when 3 then t.other_wallet_id when 4 then t.wallet_id end as counterparty,
       e.delta_available, e.delta_held, e.delta_unreleased, e.available, e.held, e.unreleased
from transactions t
cross join lateral (
    select * from entries e
    where e.wallet_id = $2::uuid and e.version = case when t.wallet_id = $2 then t.version else t.other_version end
    offset 0) e
where t.id = $1::uuid and (t.wallet_id = $2 or t.other_wallet_id = $2)"
);

/// A transaction of this wallet; none where it is another's, or nobody's.
pub async fn find(
    db: &Pool,
    wallet: WalletId,
    id: OperationId,
) -> Result<Option<TransactionView>, LedgerError> {
    let found = ask(db, |db| async move {
        let pool = db.get_postgres_connection_pool();
        Ok(sqlx::query(FIND).bind(id.0).bind(wallet.0).fetch_optional(pool).await?)
    })
    .await?;
    found.as_ref().map(view).transpose()
}

fn view(found: &PgRow) -> Result<TransactionView, LedgerError> {
    let buckets = |a, h, u| -> Result<Buckets, DbError> {
        Ok(Buckets { available: found.try_get(a)?, held: found.try_get(h)?, unreleased: found.try_get(u)? })
    };
    let text: String = found.try_get("currency").map_err(DbError::from)?;
    Ok(TransactionView {
        item: line(found)?,
        currency: text.parse().map_err(|_| LedgerError::Internal(format!("currency {text}")))?,
        fee: found.try_get("fee").map_err(DbError::from)?,
        note: found.try_get("note").map_err(DbError::from)?,
        counterparty: found.try_get::<Option<_>, _>("counterparty").map_err(DbError::from)?.map(WalletId),
        delta: buckets("delta_available", "delta_held", "delta_unreleased")?,
        after: buckets("available", "held", "unreleased")?,
    })
}
