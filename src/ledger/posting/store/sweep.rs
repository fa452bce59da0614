//! The sweep of keys that have expired: those of refusals.

use crate::db::{DbError, Pool, ask};

/// Small, so that no transaction is held up by it; a key that another session holds is left for the next time. By the
/// statement's time: a clock that moves while it runs could not be looked up in an index. Keys are never updated, so a
/// locked one stays where it was found.
pub const SWEEP_KEYS: &str = "\
delete from keys where ctid = any(array(
    select ctid from keys where expires_at < statement_timestamp() order by expires_at limit 1000
    for update skip locked))";

/// Removes some of the keys that have expired; answers how many. Zero: there are no more.
pub async fn sweep_keys(db: &Pool) -> Result<u64, DbError> {
    ask(db, |db| async move {
        Ok(sqlx::query(SWEEP_KEYS).execute(db.get_postgres_connection_pool()).await?.rows_affected())
    })
    .await
}
