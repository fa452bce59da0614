//! What all followers of a log have in common: at most one process follows at a time ([`Leadership`]), and how far it has come is a row
//! of `cursors`.
//!
//! Lock and cursor belong to one connection: a follower whose session has ended can no longer move the cursor.

use sqlx::{PgConnection, Row};
use tokio_util::sync::CancellationToken;

use super::{leadership::Leadership, rows::Log};
use crate::db::DbError;

/// A follower, by its leadership and its cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Follower {
    leadership: Leadership,
    /// Its row in `cursors`.
    cursor: &'static str,
}

impl Follower {
    /// The follower of the largest transfers.
    pub const TOP_TRANSFERS: Self = Self { leadership: Leadership::TOP_TRANSFERS, cursor: "top_transfers" };

    /// The relay of a log.
    #[must_use]
    pub const fn relay(log: Log) -> Self {
        Self { leadership: Leadership::relay(log), cursor: log.name() }
    }

    /// Its connection.
    pub async fn connect(self, url: &str) -> Result<PgConnection, DbError> {
        self.leadership.connect(url).await
    }

    /// Stands by until it leads; false: `stop` came first.
    pub async fn lead(self, conn: &mut PgConnection, stop: &CancellationToken) -> Result<bool, DbError> {
        self.leadership.lead(conn, stop).await
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
