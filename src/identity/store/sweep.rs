//! Deletes what is not needed any more.

use sea_orm::ConnectionTrait;

use super::{
    revocations::SWEEP_REVOCATIONS,
    sessions::{SWEEP_SESSIONS, SWEEP_TOKENS},
    statement::statement,
};
use crate::db::{DbError, Pool, ask};

/// The statements, each of which deletes a thousand rows at once.
pub const SWEEPS: [&str; 3] = [SWEEP_TOKENS, SWEEP_SESSIONS, SWEEP_REVOCATIONS];

/// Runs one of them; answers with the number of rows that were deleted.
pub async fn sweep(db: &Pool, sql: &'static str) -> Result<u64, DbError> {
    ask(db, move |db| async move { Ok(db.execute_raw(statement(sql, [])).await?.rows_affected()) }).await
}
