//! The sweep of keys whose refusals need not be remembered any more.

use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement};

use crate::db::{DbError, ask};

/// Small, so that no transaction is held up by it; a key that somebody is looking at is left for the next time. By the
/// statement's time: a clock that moves while it runs could not be looked up in an index. Keys are never updated, so a
/// locked one stays where it was found.
pub const SWEEP_KEYS: &str = "\
delete from keys where ctid = any(array(
    select ctid from keys where expires_at < statement_timestamp() order by expires_at limit 1000
    for update skip locked))";

/// Removes some of the keys that have expired; answers how many. Zero: there are no more.
pub async fn sweep_keys(db: &DatabaseConnection) -> Result<u64, DbError> {
    let statement = Statement::from_string(DbBackend::Postgres, SWEEP_KEYS);
    ask(db, |db| async move { Ok(db.execute_raw(statement).await?.rows_affected()) }).await
}
