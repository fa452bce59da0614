//! What a session needs before it is used: settings that its promises rest on, and trust.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use sqlx::PgConnection;

/// Sessions are replaced at most once in this time, however many errors there are: connecting costs Postgres a process.
const REPLACED_EVERY: Duration = Duration::from_secs(1);

/// When a session of a pool turned out to be unfit. All that were opened before are replaced when they are next used:
/// what spoils one (a read-only default, a change of the schema) has mostly spoilt the others.
static DISTRUSTED_AT: Mutex<Option<Instant>> = Mutex::new(None);

/// Notes that a session of a pool was unfit.
pub(super) fn distrust() {
    let mut distrusted_at = DISTRUSTED_AT.lock().unwrap_or_else(PoisonError::into_inner);
    if distrusted_at.is_none_or(|at| at.elapsed() >= REPLACED_EVERY) {
        *distrusted_at = Some(Instant::now());
    }
}

/// Whether a session of this age may be used.
pub(super) fn is_trusted(age: Duration) -> bool {
    let distrusted_at = *DISTRUSTED_AT.lock().unwrap_or_else(PoisonError::into_inner);
    distrusted_at.is_none_or(|at| at.elapsed() > age)
}

/// Has the session's commits wait for the disk, whatever the database or the role has as its default; no caller is
/// answered before. `on` waits for the synchronous standbys as well, where there are any, and so does the stronger
/// `remote_apply`, which stays; `off`, `local` and `remote_write` would lose an answered commit in a crash or in a
/// failover. What is set here outlives a reload of the server's configuration.
pub async fn commit_durably(conn: &mut PgConnection) -> Result<(), sqlx::Error> {
    let sql = "select set_config('synchronous_commit',
                                 case current_setting('synchronous_commit') when 'remote_apply' then 'remote_apply'
                                                                            else 'on' end, false)";
    sqlx::raw_sql(sql).execute(conn).await?;
    Ok(())
}
