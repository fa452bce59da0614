//! What was booked on a wallet, newest first. A transaction is listed once, at its first entry there.

use super::entry_line::{HistoryItem, line};
use crate::{
    db::{Pool, ask},
    kernel::{
        clock::Timestamp,
        ids::WalletId,
        pagination::{Cursor, Page, PageRequest},
    },
    ledger::{
        entry::TransactionStatus,
        error::LedgerError,
        fragments::{entry_line, first_version, step, transaction_status},
        kind::Kind,
    },
};

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

/// The maximum number of entries that a page looks at.
pub const SCAN_MAX: i64 = 10_000;

/// The lines of a stretch of a wallet's versions that are wanted, the newest first.
pub const LIST: &str = concat!(
    "select ",
    entry_line!(),
    "
from entries e
cross join lateral (select * from transactions t where t.id = e.transaction_id offset 0) t
",
    step!(),
    "
where e.wallet_id = $1::uuid and e.version < $2 and e.version >= $3 and e.version = ",
    first_version!(),
    "
  and ($4::int2[] is null or e.kind = any($4)) and ($5::int2[] is null or ",
    transaction_status!(),
    " = any($5))
  and ($6::timestamptz is null or e.occurred_at >= $6) and ($7::timestamptz is null or e.occurred_at < $7)
order by e.version desc limit $8"
);

/// One page of a wallet's history. A cursor is the version of the last line, so new lines never move a page. Versions have
/// no gap, so the entries to look at are a range of them.
pub async fn list(
    db: &Pool,
    wallet: WalletId,
    page: PageRequest,
    filter: &Filter,
) -> Result<Page<HistoryItem>, LedgerError> {
    let kinds: Option<Vec<i16>> = filter.kinds.as_ref().map(|all| all.iter().map(|k| k.code()).collect());
    let statuses: Option<Vec<i16>> =
        filter.statuses.as_ref().map(|all| all.iter().map(|s| s.code()).collect());
    let (from, to) = (filter.from, filter.to);
    let (lines, low, is_over) = ask(db, move |db| async move {
        let mut conn = db.get_postgres_connection_pool().acquire().await?;
        let before = match page.after {
            Some(cursor) => cursor.0,
            None => {
                let sql = "select version + 1 from wallets where id = $1";
                let found = sqlx::query_scalar(sql).bind(wallet.0).fetch_optional(&mut *conn).await?;
                found.unwrap_or(1)
            }
        };
        let low = (before - SCAN_MAX).max(1);
        let lines: Vec<HistoryItem> = sqlx::query(LIST)
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
            .map(line)
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
        Ok((lines, low, is_over))
    })
    .await?;
    Ok(cut(lines, page.limit, (!is_over).then_some(Cursor(low))))
}

/// A page of at most `limit` lines; `beyond` is where it goes on if all of them fit.
fn cut(mut items: Vec<HistoryItem>, limit: u16, beyond: Option<Cursor>) -> Page<HistoryItem> {
    let is_last = items.len() <= usize::from(limit);
    items.truncate(usize::from(limit));
    let next = if is_last { beyond } else { items.last().map(|item| Cursor(item.version)) };
    Page { items, next }
}
