//! Deletes what is not needed any more.

use sea_orm::ConnectionTrait;

use super::{revocations::SWEEP_REVOCATIONS, sessions::SWEEP_SESSIONS, statement::statement};
use crate::db::{DbError, Pool, ask};

/// Deletes at most a thousand sessions and a thousand revocations; answers how many were deleted.
pub async fn sweep(db: &Pool) -> Result<u64, DbError> {
    ask(db, move |db| async move {
        let sessions = db.execute_raw(statement(SWEEP_SESSIONS, [])).await?.rows_affected();
        let revocations = db.execute_raw(statement(SWEEP_REVOCATIONS, [])).await?.rows_affected();
        Ok(sessions + revocations)
    })
    .await
}
