//! What everyone who follows a log has in common: at most one process follows at a time, the others stand by; how far it has
//! come is a row of `cursors`; after a failure it pauses and begins again.
//!
//! Lock and cursor belong to one connection: a follower whose session has ended can no longer move the cursor.

use std::time::Duration;

use sqlx::{PgConnection, Row};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::rows::Log;
use crate::{
    db::{DbError, open, session_options, with_connection_timeout},
    ledger::locks::{self, AdvisoryLock},
};

/// Between two attempts to lead of a follower that stands by.
const LEADER_RETRY: Duration = Duration::from_millis(500);

/// The pause after a failure.
const BACK_OFF: Duration = Duration::from_millis(1_000);

/// A follower's session without a statement for this long ends, and its lock with it: a process that stands still must not keep
/// the lead.
pub const IDLE_LIMIT: Duration = Duration::from_secs(10);

/// A follower, by its lock and its cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Follower {
    lock: AdvisoryLock,
    /// Its row in `cursors`.
    cursor: &'static str,
    /// The session's name in Postgres.
    session: &'static str,
}

impl Follower {
    /// The follower of the largest transfers.
    pub const TOP_TRANSFERS: Self =
        Self { lock: locks::TOP_TRANSFERS, cursor: "top_transfers", session: "wallet top transfers" };

    /// The relay of a log.
    #[must_use]
    pub const fn relay(log: Log) -> Self {
        let lock = match log {
            Log::Entries => locks::RELAY_OF_ENTRIES,
            Log::StatusChanges => locks::RELAY_OF_STATUS_CHANGES,
        };
        Self { lock, cursor: log.name(), session: "wallet relay" }
    }

    /// Its connection. A new database has no statistics, and must not be scanned for that.
    pub async fn connect(self, url: &str) -> Result<PgConnection, DbError> {
        let idle_limit = IDLE_LIMIT.as_millis().to_string();
        let options = session_options(url, self.session)?.options([
            ("enable_seqscan", "off"),
            ("jit", "off"),
            // Planned at each run, a statement would cost as much again as it does.
            ("plan_cache_mode", "force_generic_plan"),
            ("idle_session_timeout", idle_limit.as_str()),
            // A cursor that was moved and lost in a crash costs a repeat, which does no harm; a sync costs time.
            ("synchronous_commit", "off"),
            ("statement_timeout", "10000"),
        ]);
        Ok(open(options).await?)
    }

    /// Tries to become the one that leads; the lock ends with the connection.
    pub async fn try_lead(self, conn: &mut PgConnection) -> Result<bool, DbError> {
        let tried = sqlx::query("select pg_try_advisory_lock($1, $2)");
        let tried = tried.bind(self.lock.class).bind(self.lock.object).fetch_one(conn).await?;
        Ok(tried.try_get(0)?)
    }

    /// Stands by until it leads; false: `stop` came first.
    pub async fn lead(self, conn: &mut PgConnection, stop: &CancellationToken) -> Result<bool, DbError> {
        while !with_connection_timeout(self.try_lead(conn)).await? {
            if !pause(LEADER_RETRY, stop).await {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// How far it has come.
    pub async fn position(self, conn: &mut PgConnection) -> Result<i64, DbError> {
        let missing = || DbError::Defect(format!("the cursor of {} is missing", self.cursor));
        self.stored_position(conn).await?.ok_or_else(missing)
    }

    /// As [`Follower::position`]; a cursor that is not there is made, at 0.
    pub async fn position_or_begin(self, conn: &mut PgConnection) -> Result<i64, DbError> {
        if let Some(position) = self.stored_position(conn).await? {
            return Ok(position);
        }
        let sql = "insert into cursors (log, position) values ($1, 0) on conflict do nothing";
        sqlx::query(sql).bind(self.cursor).execute(conn).await?;
        Ok(0)
    }

    async fn stored_position(self, conn: &mut PgConnection) -> Result<Option<i64>, DbError> {
        let sql = "select position from cursors where log = $1";
        let found = sqlx::query(sql).bind(self.cursor).fetch_optional(conn).await?;
        Ok(found.map(|row| row.try_get(0)).transpose()?)
    }

    /// Moves the cursor to `position`, never backwards.
    pub async fn advance(self, conn: &mut PgConnection, position: i64) -> Result<(), DbError> {
        let sql =
            "update cursors set position = $2, moved_at = clock_timestamp() where log = $1 and position < $2";
        sqlx::query(sql).bind(self.cursor).bind(position).execute(conn).await?;
        Ok(())
    }

    /// Moves the cursor, if it still is where it was read; false: an operator has set it.
    pub async fn move_from(self, conn: &mut PgConnection, from: i64, to: i64) -> Result<bool, DbError> {
        let sql =
            "update cursors set position = $3, moved_at = clock_timestamp() where log = $1 and position = $2";
        let moved = sqlx::query(sql).bind(self.cursor).bind(from).bind(to).execute(conn).await?;
        Ok(moved.rows_affected() > 0)
    }
}

/// Keeps a session, and the lead, from ending while something else is waited for.
pub async fn sign_of_life(conn: &mut PgConnection) -> Result<(), DbError> {
    sqlx::query("select").execute(conn).await?;
    Ok(())
}

/// The pause after a failure; false: `stop` came.
pub async fn back_off(stop: &CancellationToken) -> bool {
    pause(BACK_OFF, stop).await
}

async fn pause(time: Duration, stop: &CancellationToken) -> bool {
    stop.run_until_cancelled(sleep(time)).await.is_some()
}
