//! Migrations: plain SQL files of `migrations/`, built into the binary, run under a lock of the migrator.

mod check;
mod files;
mod grants;
mod state;

use sqlx::{
    AssertSqlSafe, Connection, PgConnection,
    migrate::{Migrate, MigrateError},
};
use thiserror::Error;

pub use self::{
    check::SchemaCheck,
    grants::grants,
    state::{MigrationState, MigrationStatus, SchemaFault, SchemaState},
};
use self::{
    files::{Loss, Step},
    state::TABLE,
};
use super::{DbError, open, session_options};

/// Which way to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Everything that is missing.
    Up,
    /// The last one that the database has.
    DownOne(DataLoss),
    /// Every one after this number, in one transaction; 0: all of them.
    DownTo(i64, DataLoss),
}

/// What a way down may drop that no other table has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataLoss {
    /// Not even empty tables.
    Forbidden,
    /// Empty tables.
    OnlyIfEmpty,
    /// Everything: an operator has accepted the loss.
    Accepted,
}

/// Why migrations were not run.
#[derive(Debug, Error)]
pub enum MigrationError {
    #[error(transparent)]
    Db(#[from] DbError),
    #[error(transparent)]
    Failed(#[from] MigrateError),
    /// The database is not one that this binary's migrations can go on from.
    #[error(transparent)]
    Fault(#[from] SchemaFault),
    /// Only a binary that has all of the database's migrations may change them.
    #[error("the database has migration {0:04}, which this version of the wallet does not have")]
    Unknown(i64),
    /// The way down would drop what exists nowhere else.
    #[error("migration {version:04} is not taken back: {reason}")]
    WouldLose { version: i64, reason: String },
}

/// Runs migrations; returns the state after it. Two at once do no harm: the second waits for the first.
///
/// Each migration up is one transaction with its row in the migrator's table. A way down, of however many, is one
/// transaction as a whole.
///
/// # Errors
/// [`MigrationError::WouldLose`] if `loss` does not allow what a way down would drop; nothing was changed then.
pub async fn migrate(url: &str, direction: Direction) -> Result<SchemaState, MigrationError> {
    let (mut conn, steps) = (connect(url).await?, files::steps()?);
    match direction {
        Direction::Up => up(&mut conn, &steps).await?,
        Direction::DownOne(loss) => down(&mut conn, &steps, None, loss).await?,
        Direction::DownTo(target, loss) => down(&mut conn, &steps, Some(target), loss).await?,
    }
    Ok(state::read(&mut conn, &steps).await?)
}

/// Where the database stands. Changes nothing, and needs no more rights than [`grants()`] gives.
pub async fn status(url: &str) -> Result<SchemaState, DbError> {
    state::read(&mut connect(url).await?, &files::steps()?).await
}

/// Migrations may take long: the time limit of ordinary statements does not hold for them.
async fn connect(url: &str) -> Result<PgConnection, DbError> {
    let options = session_options(url, "wallet migrate")?.options([("statement_timeout", "0")]);
    Ok(open(options).await?)
}

/// Takes the migrator's lock, which ends with the connection, and reads where the database stands; a second one sees
/// what the first has done.
async fn locked(conn: &mut PgConnection, steps: &[Step]) -> Result<SchemaState, MigrationError> {
    conn.lock().await?;
    let state = state::read(conn, steps).await?;
    match state.fault() {
        None | Some(SchemaFault::Lacks(_) | SchemaFault::Absent(_)) => Ok(state),
        Some(fault) => Err(fault.into()),
    }
}

/// Refuses where the database has migrations that this binary does not.
fn must_know_all(state: &SchemaState) -> Result<(), MigrationError> {
    match state.migrations.iter().find(|migration| migration.state == MigrationState::Unknown) {
        Some(unknown) => Err(MigrationError::Unknown(unknown.version)),
        None => Ok(()),
    }
}

async fn up(conn: &mut PgConnection, steps: &[Step]) -> Result<(), MigrationError> {
    let state = locked(conn, steps).await?;
    if state.count(MigrationState::Missing) == 0 {
        return Ok(());
    }
    must_know_all(&state)?;
    conn.ensure_migrations_table(TABLE).await?;
    let applied = state.applied();
    for step in steps.iter().filter(|step| !applied.contains(&step.version)) {
        conn.apply(TABLE, &step.up).await?;
    }
    Ok(())
}

/// Takes back what the database has after `target`; none: the last one.
async fn down(
    conn: &mut PgConnection,
    steps: &[Step],
    target: Option<i64>,
    loss: DataLoss,
) -> Result<(), MigrationError> {
    let state = locked(conn, steps).await?;
    must_know_all(&state)?;
    let applied = state.applied();
    let target = target.unwrap_or_else(|| applied.iter().rev().nth(1).copied().unwrap_or(0));
    let undone: Vec<&Step> =
        steps.iter().rev().filter(|step| step.version > target && applied.contains(&step.version)).collect();
    let lossy: Vec<(i64, &str)> = undone
        .iter()
        .flat_map(|step| match &step.loss {
            Loss::Derived => vec![],
            Loss::Rows(rows) => rows.iter().map(|rows| (step.version, rows.as_str())).collect(),
        })
        .collect();
    if let (DataLoss::Forbidden, Some((version, rows))) = (loss, lossy.first()) {
        let reason = format!("it drops {rows}, and nothing else has them");
        return Err(MigrationError::WouldLose { version: *version, reason });
    }
    if loss == DataLoss::OnlyIfEmpty {
        // Counted without a lock first: a refusal must not stand in the way of a service that serves.
        must_be_empty(conn, &lossy).await?;
    }
    let mut tx = conn.begin().await.map_err(DbError::from)?;
    // A service holds these tables for milliseconds; while this waits, no other statement gets past it.
    run(&mut tx, "set local lock_timeout = '5s'").await?;
    if loss == DataLoss::OnlyIfEmpty {
        for (_, rows) in &lossy {
            let table = rows.split_whitespace().next().unwrap_or_default();
            run(&mut tx, &format!("lock table {table} in access exclusive mode")).await?;
        }
        must_be_empty(&mut tx, &lossy).await?;
    }
    for step in undone {
        tx.revert(TABLE, &step.down).await?;
    }
    tx.commit().await.map_err(DbError::from)?;
    Ok(())
}

/// Refuses if one of these (`from` clauses, beside the migration that drops the rows) has rows.
async fn must_be_empty(conn: &mut PgConnection, lossy: &[(i64, &str)]) -> Result<(), MigrationError> {
    for (version, rows) in lossy {
        // The text is a file of this repository, not input.
        let sql = AssertSqlSafe(format!("select count(*) from {rows}"));
        let count: i64 = sqlx::query_scalar(sql).fetch_one(&mut *conn).await.map_err(DbError::from)?;
        if count > 0 {
            let reason = format!("it would drop {count} rows of {rows}, and nothing else has them");
            return Err(MigrationError::WouldLose { version: *version, reason });
        }
    }
    Ok(())
}

async fn run(conn: &mut PgConnection, sql: &str) -> Result<(), DbError> {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(conn).await?;
    Ok(())
}
