//! Workers of which at most one works at a time, over all processes: it holds an advisory lock, and the others stand by. After a
//! failure it pauses and begins again.

use std::time::Duration;

use sqlx::{PgConnection, Row};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::rows::Log;
use crate::{
    db::{DbError, open, session_options, with_connection_timeout},
    ledger::locks::{self, AdvisoryLock},
};

/// Between two attempts to lead of a worker that stands by.
const LEADER_RETRY: Duration = Duration::from_millis(500);

/// The pause after a failure.
const BACK_OFF: Duration = Duration::from_millis(1_000);

/// A leader's session without a statement for this long ends, and its lock with it: a process that stands still must not keep
/// the lead.
pub const IDLE_LIMIT: Duration = Duration::from_secs(10);

/// What is led, by its lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leadership {
    lock: AdvisoryLock,
    /// The session's name in Postgres.
    session: &'static str,
}

impl Leadership {
    /// Of the follower of the largest transfers.
    pub const TOP_TRANSFERS: Self = Self { lock: locks::TOP_TRANSFERS, session: "wallet top transfers" };

    /// Of the worker that books what is due.
    pub const DUE: Self = Self { lock: locks::DUE, session: "wallet due" };

    /// Of the relay of a log.
    #[must_use]
    pub const fn relay(log: Log) -> Self {
        let lock = match log {
            Log::Entries => locks::RELAY_OF_ENTRIES,
            Log::StatusChanges => locks::RELAY_OF_STATUS_CHANGES,
        };
        Self { lock, session: "wallet relay" }
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
    async fn try_lead(self, conn: &mut PgConnection) -> Result<bool, DbError> {
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
