//! Settings of a server under which a crash of its machine may lose money.

use sqlx::{Connection, Row};

use super::{DbError, open, session_options};

/// Those of `fsync` and `full_page_writes` that are off: without them a crash of the server's machine may lose or tear
/// commits. No session can set them.
pub async fn unsafe_settings(url: &str) -> Result<Vec<String>, DbError> {
    let mut conn = open(session_options(url, "wallet")?).await?;
    let sql = "select name from pg_settings where name in ('fsync', 'full_page_writes') and setting = 'off' order by 1";
    let rows = sqlx::query(sql).fetch_all(&mut conn).await?;
    let names = rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?;
    // Not needed for the result: spares Postgres a log line about a lost connection.
    let _ = conn.close().await;
    Ok(names)
}
