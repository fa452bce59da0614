//! What the database has of the migrations, and whether this binary may run on it. Reading it changes nothing, and
//! needs no more than the service's own role has.

use sqlx::{PgConnection, Row};
use thiserror::Error;

use super::{files::Step, grants::relations};
use crate::db::DbError;

/// The migrator's own table, as sqlx names it.
pub(super) const TABLE: &str = "_sqlx_migrations";

/// The table of one row that says the oldest schema number that a running binary may have.
const COMPATIBILITY: &str = "schema_compatibility";

/// How one migration stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MigrationState {
    Applied,
    /// This binary has it, the database does not.
    Missing,
    /// It was applied from another text than this binary has.
    Changed,
    /// It was begun and not finished.
    HalfApplied,
    /// The database has it, this binary does not.
    Unknown,
}

/// One migration and how it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MigrationStatus {
    pub version: i64,
    pub description: String,
    pub state: MigrationState,
}

/// What a database has, as this binary sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaState {
    /// Those of this binary and of the database, in the order of their numbers.
    pub migrations: Vec<MigrationStatus>,
    /// The number of this binary's newest migration.
    own: i64,
    /// The oldest schema number that a running binary may have; none before migration 0004.
    compatible_from: Option<i64>,
    role: String,
    /// Tables, views and sequences that are not there.
    absent: Vec<String>,
    /// Those that are there, and that the role may not read.
    not_granted: Vec<String>,
}

/// Why this binary cannot run on a database.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SchemaFault {
    #[error(
        "the role {role} may not read {names}: run what `wallet migrate grants --role {role}` prints, as the owner"
    )]
    NotGranted { role: String, names: String },
    #[error("migration {0:04} is half applied: mend the tables by hand, then its row in _sqlx_migrations")]
    HalfApplied(i64),
    #[error("migration {0:04} was applied from another text than this version of the wallet has")]
    Changed(i64),
    #[error("the database has migration {version:04}, which is not in this version's line (up to {own:04})")]
    Foreign { version: i64, own: i64 },
    #[error(
        "the database can be used by versions of the wallet that have migration {from:04}; the newest of this one is \
         {own:04}"
    )]
    TooOld { from: i64, own: i64 },
    #[error("the database lacks {0} migrations: run `wallet migrate up` first")]
    Lacks(usize),
    #[error("every migration was applied, but these are missing: {0}")]
    Absent(String),
    /// The state could not be read, though Postgres answers.
    #[error("the state of the migrations cannot be read: {0}")]
    Unreadable(String),
}

impl SchemaState {
    /// Why this binary cannot run on the database; none: it can.
    #[must_use]
    pub fn fault(&self) -> Option<SchemaFault> {
        let find = |state| self.migrations.iter().find(|m| m.state == state).map(|m| m.version);
        let own = self.own;
        if !self.not_granted.is_empty() {
            return Some(SchemaFault::NotGranted {
                role: self.role.clone(),
                names: self.not_granted.join(", "),
            });
        }
        if let Some(version) = find(MigrationState::HalfApplied) {
            return Some(SchemaFault::HalfApplied(version));
        }
        if let Some(version) = find(MigrationState::Changed) {
            return Some(SchemaFault::Changed(version));
        }
        if let Some(version) = find(MigrationState::Unknown).filter(|version| *version <= own) {
            return Some(SchemaFault::Foreign { version, own });
        }
        if let Some(from) = self.compatible_from.filter(|from| *from > own) {
            return Some(SchemaFault::TooOld { from, own });
        }
        match self.count(MigrationState::Missing) {
            0 if self.absent.is_empty() => None,
            0 => Some(SchemaFault::Absent(self.absent.join(", "))),
            missing => Some(SchemaFault::Lacks(missing)),
        }
    }

    /// How many migrations stand so.
    #[must_use]
    pub fn count(&self, state: MigrationState) -> usize {
        self.migrations.iter().filter(|migration| migration.state == state).count()
    }

    /// The numbers of those that the database has, in their order.
    pub(super) fn applied(&self) -> Vec<i64> {
        let has = |m: &&MigrationStatus| m.state != MigrationState::Missing;
        self.migrations.iter().filter(has).map(|m| m.version).collect()
    }
}

/// Reads where the database stands, in three short statements.
pub(super) async fn read(conn: &mut PgConnection, steps: &[Step]) -> Result<SchemaState, DbError> {
    let mut state = SchemaState {
        migrations: Vec::new(),
        own: steps.last().map_or(0, |step| step.version),
        compatible_from: None,
        role: String::new(),
        absent: Vec::new(),
        not_granted: Vec::new(),
    };
    let names = "select current_user::text as role, name, to_regclass(name) is not null as is_there,
                        coalesce(has_table_privilege(to_regclass(name), 'select'), false) as is_readable
                 from unnest($1::text[]) name";
    let mut readable = Vec::new();
    for row in sqlx::query(names).bind(relations()).fetch_all(&mut *conn).await? {
        let name: String = row.try_get("name")?;
        state.role = row.try_get("role")?;
        match (row.try_get("is_there")?, row.try_get("is_readable")?) {
            (false, _) => state.absent.push(name),
            (true, false) => state.not_granted.push(name),
            (true, true) => readable.push(name),
        }
    }
    let is_readable = |name: &str| readable.iter().any(|readable| readable == name);
    if is_readable(COMPATIBILITY) {
        let sql = "select compatible_from from schema_compatibility";
        state.compatible_from = sqlx::query_scalar(sql).fetch_optional(&mut *conn).await?;
    }
    let mut found = Vec::new();
    if is_readable(TABLE) {
        let sql = "select version, description, checksum, success from _sqlx_migrations order by version";
        found = sqlx::query_as(sql).fetch_all(&mut *conn).await?;
    }
    state.migrations = judge(steps, found);
    Ok(state)
}

/// A row of the migrator's table: number, description, checksum, whether it ended well.
type Applied = (i64, String, Vec<u8>, bool);

fn judge(steps: &[Step], found: Vec<Applied>) -> Vec<MigrationStatus> {
    let missing = steps.iter().filter(|step| found.iter().all(|(version, ..)| *version != step.version));
    let mut all: Vec<MigrationStatus> = missing
        .map(|step| MigrationStatus {
            version: step.version,
            description: step.description.clone(),
            state: MigrationState::Missing,
        })
        .collect();
    all.extend(found.into_iter().map(|(version, description, checksum, success)| {
        let state = match steps.iter().find(|step| step.version == version) {
            _ if !success => MigrationState::HalfApplied,
            None => MigrationState::Unknown,
            Some(step) if *step.up.checksum != *checksum => MigrationState::Changed,
            Some(_) => MigrationState::Applied,
        };
        MigrationStatus { version, description, state }
    }));
    all.sort_by_key(|migration| migration.version);
    all
}
