//! A statement and its values.

use sea_orm::{DbBackend, Statement, Value};

pub(super) fn statement<const N: usize>(sql: &'static str, values: [Value; N]) -> Statement {
    Statement::from_sql_and_values(DbBackend::Postgres, sql, values)
}
