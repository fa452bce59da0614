//! Database errors, sorted by what can be done about them.

use thiserror::Error;

/// What a failed statement means.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DbError {
    /// The server cannot be reached or is closing: trying again later may help.
    #[error("Postgres is away: {0}")]
    Away(String),
    /// Another transaction was in the way (serialization, deadlock, lock timeout): trying again now may help.
    #[error("another transaction was in the way: {0}")]
    Busy(String),
    /// A rule of the schema was broken; its name.
    #[error("constraint {0}")]
    Constraint(String),
    /// A defect.
    #[error("{0}")]
    Defect(String),
}

impl DbError {
    /// Whether the same statements may succeed when they are run again.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Away(_) | Self::Busy(_))
    }
}

impl From<sqlx::Error> for DbError {
    fn from(error: sqlx::Error) -> Self {
        Self::from(&error)
    }
}

impl From<&sqlx::Error> for DbError {
    fn from(error: &sqlx::Error) -> Self {
        let text = error.to_string();
        match error {
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed => Self::Away(text),
            sqlx::Error::Database(database) => {
                // Classes of SQLSTATE: https://www.postgresql.org/docs/current/errcodes-appendix.html
                let code = database.code().unwrap_or_default();
                match code.as_ref() {
                    "40001" | "40P01" | "55P03" | "57014" => Self::Busy(text),
                    // 57P01 to 57P03: shutting down or starting; 25P03: idle in a transaction for too long; 53300: too
                    // many connections; class 08: connection trouble; 25006: a standby that is not yet promoted.
                    "57P01" | "57P02" | "57P03" | "25P03" | "53300" | "25006" => Self::Away(text),
                    code if code.starts_with("08") => Self::Away(text),
                    _ => database
                        .constraint()
                        .map_or(Self::Defect(text), |name| Self::Constraint(name.to_owned())),
                }
            }
            _ => Self::Defect(text),
        }
    }
}

impl From<sea_orm::DbErr> for DbError {
    fn from(error: sea_orm::DbErr) -> Self {
        use sea_orm::{DbErr, RuntimeErr};
        match &error {
            DbErr::ConnectionAcquire(_) => Self::Away(error.to_string()),
            DbErr::Conn(RuntimeErr::SqlxError(inner))
            | DbErr::Exec(RuntimeErr::SqlxError(inner))
            | DbErr::Query(RuntimeErr::SqlxError(inner)) => Self::from(inner.as_ref()),
            _ => Self::Defect(error.to_string()),
        }
    }
}
