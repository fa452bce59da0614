//! Database errors, sorted by what can be done about them.

use thiserror::Error;

/// What a failed statement means. Only [`DbError::Defect`] can be the fault of what was asked; everything else is a state
/// of Postgres, of the session or of the installation, and would meet any other request as well.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DbError {
    /// The server cannot be reached, is closing, or lacks a resource (memory, disk, connections): trying again later may
    /// help.
    #[error("Postgres is away: {0}")]
    Away(String),
    /// The session cannot do it (read-only, a prepared plan that a change of the schema made stale, and whatever else has
    /// no better place here): a new session may.
    #[error("the session cannot serve: {0}")]
    Unfit(String),
    /// Login, database or schema are not what this program expects (also a schema older than the program): callers may
    /// try again later, and an operator has to act.
    #[error("Postgres is not set up for this program: {0}")]
    Misconfigured(String),
    /// Another transaction was in the way (serialization, deadlock, statement timeout): trying again now may help.
    #[error("another transaction was in the way: {0}")]
    Busy(String),
    /// Another transaction holds a lock for longer than the lock timeout.
    #[error("another transaction holds a lock: {0}")]
    Locked(String),
    /// A value or a rule of the schema was broken, or what was read cannot be understood.
    #[error("{0}")]
    Defect(String),
}

impl DbError {
    /// Whether the same statements may succeed when they are run again.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        !matches!(self, Self::Defect(_))
    }

    /// What an SQLSTATE means. Classes: <https://www.postgresql.org/docs/current/errcodes-appendix.html>
    fn of_code(code: &str, text: String) -> Self {
        match code {
            // Class 22: a value that its type cannot hold; 23: a constraint, also that of the insert-only tables (23001);
            // P0001: `raise exception` in a function of ours. Nothing else can be caused by what one operation asks.
            _ if in_class(code, &["22", "23"]) || code == "P0001" => Self::Defect(text),
            "55P03" => Self::Locked(text),
            // Class 40: serialization failure, deadlock; 57014: canceled, by the statement timeout or an operator.
            "57014" => Self::Busy(text),
            _ if in_class(code, &["40"]) => Self::Busy(text),
            // Class 28: the login; 3D and 3F: no such database or schema; 42: a table, a column or a permission is missing.
            _ if in_class(code, &["28", "3D", "3F", "42"]) => Self::Misconfigured(text),
            // The session was ended: idle in a transaction, or the transaction took too long.
            "25P03" | "25P04" => Self::Away(text),
            // Class 08: the connection; 53: memory, disk, connections; 57: shutting down, starting, idle for too long,
            // the database dropped; 58: the server's files.
            _ if in_class(code, &["08", "53", "57", "58"]) => Self::Away(text),
            _ => Self::Unfit(text),
        }
    }
}

fn in_class(code: &str, classes: &[&str]) -> bool {
    code.get(..2).is_some_and(|class| classes.contains(&class))
}

impl From<sqlx::Error> for DbError {
    fn from(error: sqlx::Error) -> Self {
        Self::from(&error)
    }
}

impl From<&sqlx::Error> for DbError {
    fn from(error: &sqlx::Error) -> Self {
        use sqlx::Error;
        let text = error.to_string();
        match error {
            Error::Database(database) => Self::of_code(&database.code().unwrap_or_default(), text),
            // What one row or one value can cause: it cannot be read, or not be sent.
            Error::ColumnDecode { .. } | Error::Decode(_) | Error::Encode(_) | Error::RowNotFound => {
                Self::Defect(text)
            }
            Error::Configuration(_)
            | Error::ColumnNotFound(_)
            | Error::ColumnIndexOutOfBounds { .. }
            | Error::TypeNotFound { .. } => Self::Misconfigured(text),
            _ => Self::Away(text),
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

#[cfg(test)]
mod tests {
    use super::DbError;

    fn kind(code: &str) -> &'static str {
        match DbError::of_code(code, String::new()) {
            DbError::Away(_) => "away",
            DbError::Unfit(_) => "unfit",
            DbError::Misconfigured(_) => "misconfigured",
            DbError::Busy(_) => "busy",
            DbError::Locked(_) => "locked",
            DbError::Defect(_) => "defect",
        }
    }

    #[test]
    fn every_state_of_postgres_is_passing_but_what_an_operation_can_cause() {
        let expected = [
            ("defect", "22001 22003 22021 22P02 23001 23502 23505 23514 P0001"),
            ("busy", "40001 40P01 40003 57014"),
            ("locked", "55P03"),
            ("misconfigured", "28000 28P01 3D000 3F000 42501 42601 42703 42P01"),
            (
                "away",
                "08000 08006 25P03 25P04 53000 53100 53200 53300 53400 57P01 57P02 57P03 57P04 57P05 58000 58030",
            ),
            ("unfit", "0A000 25006 25P02 26000 34000 54000 55000 55006 XX000 XX001 P0002 01000 nonsense"),
        ];
        for (word, codes) in expected {
            for code in codes.split(' ') {
                assert_eq!(kind(code), word, "{code}");
            }
        }
        assert_eq!(kind(""), "unfit");
    }
}
