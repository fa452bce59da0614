//! The sweep of keys whose refusals need not be remembered any more.

use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement};

use crate::db::{DbError, within_limit};

/// Small, so that no transaction is held up by it; a key that somebody is looking at is left for the next time.
pub const SWEEP_KEYS: &str = "\
delete from keys k using (
    select actor, key from keys where expires_at < clock_timestamp() order by expires_at limit 1000
    for update skip locked) old
where k.actor = old.actor and k.key = old.key";

/// Removes some of the keys that have expired; answers how many. Zero: there are no more.
pub async fn sweep_keys(db: &DatabaseConnection) -> Result<u64, DbError> {
    let statement = Statement::from_string(DbBackend::Postgres, SWEEP_KEYS);
    within_limit(async { Ok(db.execute_raw(statement).await?.rows_affected()) }).await
}
