//! Every statement of the watcher: where the logs end, and how far the relays have come.

use std::time::Duration;

use sqlx::{PgConnection, Row};

use crate::{
    db::{DbError, open, session_options},
    kernel::books::BooksId,
};

/// Where both logs end, and how far the topic has them, in one snapshot. Committed rows only: a sequence's last value
/// may belong to a batch that rolls back.
pub const ENDS: &str = "\
select (select id from books where only_row),
       (select generation from generations where generation > 0 order by generation desc limit 1),
       coalesce((select position from entries where position > 0 order by position desc limit 1), 0),
       coalesce((select position from status_changes where position > 0 order by position desc limit 1), 0),
       (select position from cursors where log = 'entries'),
       (select position from cursors where log = 'status_changes')";

/// A position in each of the two logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Positions {
    pub(super) entries: i64,
    pub(super) status_changes: i64,
}

impl Positions {
    /// Whether a relay that has published up to here has published up to that end.
    pub(super) fn are_beyond(self, end: Self) -> bool {
        self.entries >= end.entries && self.status_changes >= end.status_changes
    }
}

/// The books, where the logs end, and where the relays' cursors are.
pub(super) struct Ends {
    pub(super) books: BooksId,
    pub(super) end: Positions,
    pub(super) cursor: Positions,
}

/// The watcher's connection.
pub(super) async fn connect_watcher(url: &str) -> Result<PgConnection, DbError> {
    let options =
        session_options(url, "wallet topic watcher")?.options([("enable_seqscan", "off"), ("jit", "off")]);
    Ok(open(options).await?)
}

/// Where the logs end and where the relays' cursors are, now.
pub(super) async fn ends(conn: &mut PgConnection) -> Result<Ends, DbError> {
    let row = sqlx::query(ENDS).fetch_one(conn).await?;
    Ok(Ends {
        books: BooksId { id: row.try_get(0)?, generation: row.try_get(1)? },
        end: Positions { entries: row.try_get(2)?, status_changes: row.try_get(3)? },
        cursor: Positions { entries: row.try_get(4)?, status_changes: row.try_get(5)? },
    })
}

/// Postgres' own history: the cluster, the database in it, and the cluster's timeline, which changes with each promotion and each recovery to a point
/// in time (<https://www.postgresql.org/docs/current/continuous-archiving.html#BACKUP-TIMELINES>). A connection outlives
/// neither, so it is asked once for each.
pub(super) async fn lineage(conn: &mut PgConnection) -> Result<String, DbError> {
    let sql = "select format('%s/%s/%s', (select system_identifier from pg_control_system()),
                              (select oid from pg_database where datname = current_database()),
                              left(pg_walfile_name(pg_current_wal_lsn()), 8))";
    Ok(sqlx::query(sql).fetch_one(conn).await?.try_get(0)?)
}

/// The age of the oldest row of either log beyond its cursor, in milliseconds, by its own date; 0 when none waits or
/// when it is dated in the future.
pub const OLDEST_WAITING: &str = "\
select coalesce(greatest(extract(epoch from clock_timestamp() - min(o.at)) * 1000, 0)::int8, 0)
from (select e.at from cursors c cross join lateral
          (select occurred_at as at from entries where position > c.position order by position limit 1) e
      where c.log = 'entries'
      union all
      select s.at from cursors c cross join lateral
          (select occurred_at as at from status_changes where position > c.position order by position limit 1) s
      where c.log = 'status_changes') o";

/// The age of the oldest row that waits for its relay, by its own date. For people only.
pub(super) async fn oldest_waiting(conn: &mut PgConnection) -> Result<Duration, DbError> {
    let millis: i64 = sqlx::query(OLDEST_WAITING).fetch_one(conn).await?.try_get(0)?;
    Ok(Duration::from_millis(u64::try_from(millis).unwrap_or_default()))
}
