//! Database errors, classified by what can be done about them.

use thiserror::Error;

/// Why a statement failed. Only [`DbError::Defect`] can be caused by the request; every other class is a state of
/// Postgres, of the session or of the installation, and would fail any other request as well.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DbError {
    /// The server cannot be reached, is closing, or lacks a resource (memory, disk, connections): a later retry may
    /// succeed.
    #[error("Postgres is unavailable: {0}")]
    Unavailable(String),
    /// The session cannot run the statement (it is read-only, a prepared plan is stale after a change of the schema, and
    /// all codes without a class of their own here): a new session may.
    #[error("the session cannot serve: {0}")]
    Unfit(String),
    /// Login, database or schema are not those that this program expects (also a schema older than the program): callers
    /// may retry later, and an operator has to act.
    #[error("Postgres is not set up for this program: {0}")]
    Misconfigured(String),
    /// Another transaction was in the way (serialization, deadlock, statement timeout): a retry now may succeed.
    #[error("another transaction was in the way: {0}")]
    Contention(String),
    /// Another transaction holds a lock for longer than the lock timeout.
    #[error("another transaction holds a lock: {0}")]
    Locked(String),
    /// A value or a rule of the schema was broken, or a value that was read cannot be decoded.
    #[error("{0}")]
    Defect(String),
}

impl DbError {
    /// Whether the same statements may succeed when they are run again.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        !matches!(self, Self::Defect(_))
    }

    /// The class of an SQLSTATE. Codes: <https://www.postgresql.org/docs/current/errcodes-appendix.html>
    fn of_code(code: &str, text: String) -> Self {
        match code {
            // Class 22: a value that its type cannot hold; 23: a constraint, also that of the insert-only tables (23001);
            // P0001: `raise exception` in a function of this schema. A request can cause no other code.
            _ if in_class(code, &["22", "23"]) || code == "P0001" => Self::Defect(text),
            "55P03" => Self::Locked(text),
            // Class 40: serialization failure, deadlock; 57014: canceled, by the statement timeout or an operator.
            "57014" => Self::Contention(text),
            _ if in_class(code, &["40"]) => Self::Contention(text),
            // Class 28: the login; 3D and 3F: no such database or schema; 42: a table, a column or a permission is missing.
            _ if in_class(code, &["28", "3D", "3F", "42"]) => Self::Misconfigured(text),
            // The session was ended: idle in a transaction, or the transaction took too long.
            "25P03" | "25P04" => Self::Unavailable(text),
            // Class 08: the connection; 53: memory, disk, connections; 57: shutting down, starting, idle for too long,
            // the database dropped; 58: the server's files.
            _ if in_class(code, &["08", "53", "57", "58"]) => Self::Unavailable(text),
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
            // Caused by one row or one value, which cannot be read or sent.
            Error::ColumnDecode { .. } | Error::Decode(_) | Error::Encode(_) | Error::RowNotFound => {
                Self::Defect(text)
            }
            Error::Configuration(_)
            | Error::ColumnNotFound(_)
            | Error::ColumnIndexOutOfBounds { .. }
            | Error::TypeNotFound { .. } => Self::Misconfigured(text),
            _ => Self::Unavailable(text),
        }
    }
}

impl From<sea_orm::DbErr> for DbError {
    fn from(error: sea_orm::DbErr) -> Self {
        use sea_orm::{DbErr, RuntimeErr};
        match &error {
            DbErr::ConnectionAcquire(_) => Self::Unavailable(error.to_string()),
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
            DbError::Unavailable(_) => "unavailable",
            DbError::Unfit(_) => "unfit",
            DbError::Misconfigured(_) => "misconfigured",
            DbError::Contention(_) => "contention",
            DbError::Locked(_) => "locked",
            DbError::Defect(_) => "defect",
        }
    }

    #[test]
    fn every_state_of_postgres_is_passing_but_what_an_operation_can_cause() {
        let expected = [
            ("defect", "22001 22003 22021 22P02 23001 23502 23505 23514 P0001"),
            ("contention", "40001 40P01 40003 57014"),
            ("locked", "55P03"),
            ("misconfigured", "28000 28P01 3D000 3F000 42501 42601 42703 42P01"),
            (
                "unavailable",
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
