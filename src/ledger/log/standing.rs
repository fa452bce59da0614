//! How far the books have come: which books, which of their histories, and how far each log has come; and the sequences that
//! hand the logs' positions out.

use sqlx::{PgConnection, Row};

use super::rows::Log;
use crate::{
    db::{DbError, open, session_options},
    kernel::books::{BooksId, LogMark},
    ledger::locks,
};

/// The books, their generation, and the highest position of a committed entry; 0 before the first.
pub const STANDING_ENTRIES: &str = "\
select (select id from books where only_row), (select generation from generations where generation > 0 order by generation desc limit 1),
       coalesce((select position from entries where position > 0 order by position desc limit 1), 0)";

/// As [`STANDING_ENTRIES`], with the highest position of a committed status change.
pub const STANDING_STATUS_CHANGES: &str = "\
select (select id from books where only_row), (select generation from generations where generation > 0 order by generation desc limit 1),
       coalesce((select position from status_changes where position > 0 order by position desc limit 1), 0)";

/// Each log's sequence, and the position below which it must not hand one out: the highest of its rows and of the
/// cursors that follow it.
const SEQUENCES: &str = "\
select s.name, coalesce(pg_sequence_last_value(s.name::regclass), 0), greatest(s.highest, s.cursor)
from (select 'entries_position_seq' as name, coalesce((select max(position) from entries), 0) as highest,
             (select max(position) from cursors where log in ('entries', 'top_transfers')) as cursor
      union all
      select 'status_changes_position_seq', coalesce((select max(position) from status_changes), 0),
             (select max(position) from cursors where log = 'status_changes')) s";

/// How far a log has come: the highest position that a committed row has; 0 before the first.
pub async fn standing(conn: &mut PgConnection, log: Log) -> Result<LogMark, DbError> {
    let sql = match log {
        Log::Entries => STANDING_ENTRIES,
        Log::StatusChanges => STANDING_STATUS_CHANGES,
    };
    let row = sqlx::query(sql).fetch_one(conn).await?;
    let books = BooksId { id: row.try_get(0)?, generation: row.try_get(1)? };
    Ok(LogMark { books, position: row.try_get(2)? })
}

/// The sequences that would hand out a position again, or one below a cursor, and the position each has to begin after.
/// A restore without the sequences' values, or logical replication, leaves them so.
pub async fn sequences_behind(conn: &mut PgConnection) -> Result<Vec<(String, i64)>, DbError> {
    let mut behind = Vec::new();
    for row in sqlx::query(SEQUENCES).fetch_all(conn).await? {
        let (last, least): (i64, i64) = (row.try_get(1)?, row.try_get(2)?);
        if last < least {
            behind.push((row.try_get(0)?, least));
        }
    }
    Ok(behind)
}

/// Sets the sequences that are behind to where they have to be; returns those. No batch hands a position out meanwhile:
/// each holds the log's lock, which is taken here for one alone.
pub async fn advance_sequences(url: &str) -> Result<Vec<(String, i64)>, DbError> {
    let conn = &mut open(session_options(url, "wallet sequences")?).await?;
    if sequences_behind(conn).await?.is_empty() {
        return Ok(Vec::new());
    }
    let locks::AdvisoryLock { class, object } = locks::LOG;
    sqlx::query("select pg_advisory_lock($1, $2)").bind(class).bind(object).execute(&mut *conn).await?;
    let behind = sequences_behind(conn).await?;
    for (sequence, least) in &behind {
        let set = sqlx::query("select setval($1::text::regclass, $2)").bind(sequence).bind(least);
        set.execute(&mut *conn).await?;
    }
    // The lock ends with the connection.
    Ok(behind)
}
