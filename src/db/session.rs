//! Prepares a session for use: durable commits, and the replacement of sessions that have become unfit.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use sqlx::PgConnection;

/// Minimum interval between two replacements of all sessions: each connection costs Postgres a process.
const REPLACE_INTERVAL_MIN: Duration = Duration::from_secs(1);

/// When a session of a pool was last found unfit. All sessions that were opened before are replaced at their next use:
/// the cause (a read-only default, a change of the schema) mostly concerns all of them.
static DISTRUSTED_AT: Mutex<Option<Instant>> = Mutex::new(None);

/// Notes that a session of a pool was unfit.
pub(super) fn distrust() {
    let mut distrusted_at = DISTRUSTED_AT.lock().unwrap_or_else(PoisonError::into_inner);
    if distrusted_at.is_none_or(|at| at.elapsed() >= REPLACE_INTERVAL_MIN) {
        *distrusted_at = Some(Instant::now());
    }
}

/// Whether a session of this age may be used.
pub(super) fn is_trusted(age: Duration) -> bool {
    let distrusted_at = *DISTRUSTED_AT.lock().unwrap_or_else(PoisonError::into_inner);
    distrusted_at.is_none_or(|at| at.elapsed() > age)
}

/// Makes the session's commits wait for the disk, regardless of the defaults of database and role: no caller is answered
/// before. `on` waits for the synchronous standbys as well, and so does the stronger `remote_apply`, which stays; `off`,
/// `local` and `remote_write` could lose an answered commit in a crash or in a failover. A reload of the server's
/// configuration does not change the session's setting.
pub async fn commit_durably(conn: &mut PgConnection) -> Result<(), sqlx::Error> {
    let sql = "select set_config('synchronous_commit',
                                 case current_setting('synchronous_commit') when 'remote_apply' then 'remote_apply'
                                                                            else 'on' end, false)";
    sqlx::raw_sql(sql).execute(conn).await?;
    Ok(())
}
