//! Every statement of the relay: who leads, and how far the topic is. Leader lock and cursor use one connection, so a
//! relay that has lost its lock can no longer move the cursor.

use std::time::Duration;

use sqlx::{PgConnection, Row};

use crate::{
    db::{DbError, open, session_options},
    kernel::books::BooksId,
    ledger::log::Log,
};

/// A session of the relay without a statement for this long ends, and its lock with it: a process that stands still must
/// not keep the lead.
pub const IDLE_LIMIT: Duration = Duration::from_secs(10);

/// The relay's connection: a new database has no statistics, and must not be scanned for that.
pub async fn connect(url: &str) -> Result<PgConnection, DbError> {
    let idle_limit = IDLE_LIMIT.as_millis().to_string();
    let options = session_options(url, "wallet relay")?.options([
        ("enable_seqscan", "off"),
        ("jit", "off"),
        ("idle_session_timeout", idle_limit.as_str()),
        // A cursor that was moved and forgotten in a crash costs a repeat, which consumers expect; a sync costs time.
        ("synchronous_commit", "off"),
        ("statement_timeout", "10000"),
    ]);
    Ok(open(options).await?)
}

/// Tries to become the one relay of this log over all processes; the lock ends with the connection.
pub async fn try_lead(conn: &mut PgConnection, log: Log) -> Result<bool, DbError> {
    let object: i32 = match log {
        Log::Entries => 2,
        Log::StatusChanges => 3,
    };
    Ok(sqlx::query("select pg_try_advisory_lock(7201, $1)").bind(object).fetch_one(conn).await?.try_get(0)?)
}

/// Keeps the session, and the lead, from ending while something else is waited for.
pub async fn sign_of_life(conn: &mut PgConnection) -> Result<(), DbError> {
    sqlx::query("select").execute(conn).await?;
    Ok(())
}

/// How far the topic has this log.
pub async fn cursor(conn: &mut PgConnection, log: Log) -> Result<i64, DbError> {
    let sql = "select position from cursors where log = $1";
    Ok(sqlx::query(sql).bind(log.name()).fetch_one(conn).await?.try_get(0)?)
}

/// Moves the cursor, never backwards.
pub async fn move_cursor(conn: &mut PgConnection, log: Log, position: i64) -> Result<(), DbError> {
    let sql =
        "update cursors set position = $2, moved_at = clock_timestamp() where log = $1 and position < $2";
    sqlx::query(sql).bind(log.name()).bind(position).execute(conn).await?;
    Ok(())
}

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
