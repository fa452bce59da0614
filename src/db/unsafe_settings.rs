//! Settings of a server under which a crash of its machine loses money.

use sqlx::{Connection, Row};

use super::{DbError, open, session_options};

/// The settings of the server without which a crash of its machine may lose or tear what was committed, as far as they
/// are off. No session can set them.
pub async fn unsafe_settings(url: &str) -> Result<Vec<String>, DbError> {
    let mut conn = open(session_options(url, "wallet")?).await?;
    let sql = "select name from pg_settings where name in ('fsync', 'full_page_writes') and setting = 'off' order by 1";
    let rows = sqlx::query(sql).fetch_all(&mut conn).await?;
    let names = rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?;
    // A courtesy to Postgres; the answer is there.
    let _ = conn.close().await;
    Ok(names)
}
