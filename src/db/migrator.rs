//! Migrations: plain SQL files of `migrations/`, built into the binary, run under a lock of the migrator.

use std::borrow::Cow;

use rust_embed::RustEmbed;
use sqlx::{
    AssertSqlSafe, Connection, PgConnection, SqlSafeStr,
    migrate::{Migrate, Migration, MigrationType, Migrator},
};

use super::{DbError, session_options};

#[derive(RustEmbed)]
#[folder = "migrations"]
struct Files;

/// One migration and whether the database has it.
#[derive(Debug, PartialEq, Eq)]
pub struct MigrationStatus {
    pub version: i64,
    pub description: String,
    pub applied: bool,
}

/// Which way to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Everything that is missing.
    Up,
    /// The last one that the database has.
    DownOne,
    /// All of them.
    DownAll,
}

/// Runs migrations; answers with the state after it. Two at once do no harm: the second waits for the first.
pub async fn migrate(url: &str, direction: Direction) -> Result<Vec<MigrationStatus>, DbError> {
    let mut conn = connect(url).await?;
    let migrator = Migrator::with_migrations(embedded()?);
    let target = match direction {
        Direction::Up => {
            migrator.run(&mut conn).await.map_err(failed)?;
            return status_on(&mut conn).await;
        }
        Direction::DownAll => 0,
        Direction::DownOne => {
            let applied = status_on(&mut conn).await?.into_iter().filter(|m| m.applied);
            applied.map(|m| m.version).rev().nth(1).unwrap_or(0)
        }
    };
    migrator.undo(&mut conn, target).await.map_err(failed)?;
    status_on(&mut conn).await
}

/// Every migration and whether the database has it.
pub async fn status(url: &str) -> Result<Vec<MigrationStatus>, DbError> {
    status_on(&mut connect(url).await?).await
}

/// Migrations may take long: the time limit of ordinary statements does not hold for them.
async fn connect(url: &str) -> Result<PgConnection, DbError> {
    let options = session_options(url, "wallet migrate")?.options([("statement_timeout", "0")]);
    Ok(PgConnection::connect_with(&options).await?)
}

async fn status_on(conn: &mut PgConnection) -> Result<Vec<MigrationStatus>, DbError> {
    conn.ensure_migrations_table("_sqlx_migrations").await.map_err(failed)?;
    let applied = conn.list_applied_migrations("_sqlx_migrations").await.map_err(failed)?;
    let ups = embedded()?.into_iter().filter(|m| !m.migration_type.is_down_migration());
    Ok(ups
        .map(|m| MigrationStatus {
            version: m.version,
            description: m.description.into_owned(),
            applied: applied.iter().any(|a| a.version == m.version),
        })
        .collect())
}

fn failed(error: sqlx::migrate::MigrateError) -> DbError {
    DbError::Defect(error.to_string())
}

/// Reads `0001_books.up.sql` and its like out of the binary, in the order of their numbers.
fn embedded() -> Result<Vec<Migration>, DbError> {
    let mut migrations = Vec::new();
    for name in Files::iter() {
        let misnamed = || DbError::Defect(format!("migrations/{name}: not NNNN_name.up.sql or .down.sql"));
        let (stem, kind) = match (name.strip_suffix(".up.sql"), name.strip_suffix(".down.sql")) {
            (Some(stem), _) => (stem, MigrationType::ReversibleUp),
            (_, Some(stem)) => (stem, MigrationType::ReversibleDown),
            _ => return Err(misnamed()),
        };
        let (number, description) = stem.split_once('_').ok_or_else(misnamed)?;
        let version = number.parse().map_err(|_| misnamed())?;
        let file = Files::get(&name).ok_or_else(misnamed)?;
        let sql = String::from_utf8(file.data.into_owned()).map_err(|_| misnamed())?;
        // The text is a file of this repository, not input.
        let sql = AssertSqlSafe(sql).into_sql_str();
        migrations.push(Migration::new(version, Cow::Owned(description.replace('_', " ")), kind, sql, false));
    }
    migrations.sort();
    Ok(migrations)
}
