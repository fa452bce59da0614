//! Every statement of the relay: who leads, and how far the topic is. Leader lock and cursor use one connection, so a
//! relay that has lost its lock can no longer move the cursor.

use std::time::Duration;

use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement};
use sqlx::{Connection, PgConnection, Row};

use crate::{
    db::{DbError, session_options, within_limit},
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
    Ok(PgConnection::connect_with(&options).await?)
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

/// The age of the oldest row of either log beyond its cursor, in milliseconds; 0 when the topic has everything.
const BEHIND: &str = "\
select coalesce((extract(epoch from clock_timestamp() - min(o.at)) * 1000)::int8, 0)
from (select e.at from cursors c cross join lateral
          (select occurred_at as at from entries where position > c.position order by position limit 1) e
      where c.log = 'entries'
      union all
      select s.at from cursors c cross join lateral
          (select occurred_at as at from status_changes where position > c.position order by position limit 1) s
      where c.log = 'status_changes') o";

/// How far the topic is behind the books, in milliseconds.
pub async fn behind_millis(db: &DatabaseConnection) -> Result<i64, DbError> {
    within_limit(async {
        let row = db.query_one_raw(Statement::from_string(DbBackend::Postgres, BEHIND)).await?;
        let row = row.ok_or_else(|| DbError::Defect("behind: no row".to_owned()))?;
        Ok(row.try_get_by_index(0)?)
    })
    .await
}
