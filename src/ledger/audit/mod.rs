//! The audit: rules that the books must keep, each a query that names the rows that break it. Hashes are recomputed
//! by Postgres itself, so that the check shares no code with what wrote them.

mod rules;

use sqlx::{Connection, Row};

pub use self::rules::{RULES, Rule};

pub use crate::kernel::finding::Finding;
use crate::{
    db::{DbError, open, session_options},
    kernel::finding::ROWS_PER_FINDING,
};

/// Checks every rule on one snapshot, so that it holds while money moves. Answers with what is broken.
pub async fn audit(database_url: &str) -> Result<Vec<Finding>, DbError> {
    let options = session_options(database_url, "wallet audit")?
        .options([("statement_timeout", "0"), ("default_transaction_isolation", "repeatable read")]);
    let mut conn = open(options).await?;
    let mut snapshot = conn.begin().await?;
    let mut findings = Vec::new();
    for Rule { sentence, sql } in RULES {
        let limited = sqlx::AssertSqlSafe(format!("{sql} limit {ROWS_PER_FINDING}"));
        let rows = sqlx::query(limited).fetch_all(&mut *snapshot).await?;
        if !rows.is_empty() {
            let rows = rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?;
            findings.push(Finding { sentence, rows });
        }
    }
    Ok(findings)
}
