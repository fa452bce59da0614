//! The commit barrier: it settles up to which position a log is complete.
//!
//! Positions come from a sequence before their rows are committed, so "the highest position that I have seen" is no
//! bound: a lower one may still be on its way. The barrier has three steps, each a statement with a snapshot of its own:
//!
//! 1. **H**, the highest position of a committed row ([`standing`](super::standing()));
//! 2. **V**, the transactions that hold the log's shared lock now ([`writers`]); it waits until each has let go of it;
//! 3. the caller reads the rows up to H.
//!
//! Why nothing up to H is missing in step 3. Let a row with position p ≤ H belong to transaction T. The sequence hands
//! positions out one at a time under its page's lock, in rising order, and H was handed out before its row was
//! committed, so p was handed out before the snapshot of step 1. T takes the log's lock before its first position and
//! keeps it to its end, so at step 2 T either holds the lock, is in V and is waited for, or has let go of it. Postgres
//! ends a transaction in this order: commit record flushed, transaction removed from the list of running ones (its rows
//! are in every later snapshot), locks released (`CommitTransaction` in `xact.c`). So when T's lock is gone, T's rows
//! are visible to step 3, or T was rolled back and p will never be there.
//!
//! H must be a position that a row has, not the sequence's `last_value`: `nextval` writes a value 32 higher into
//! the shared page while it logs the change (`nextval_internal` in `sequence.c`), and a plain select reads the page
//! without its lock. An H read at that moment lies beyond what was handed out, and batches that begin after step 2
//! then commit rows below it, unnoticed.

use std::time::Duration;

use sqlx::{PgConnection, Row};
use tokio::time::{Instant, sleep};

use crate::{
    db::{DbError, with_connection_timeout},
    ledger::locks,
};

/// Between two questions for the holders of the log's lock.
const POLL_INTERVAL: Duration = Duration::from_millis(2);

/// Virtual transaction ids of the batches that may still commit a position already handed out.
const WRITERS: &str = "\
select coalesce(array_agg(virtualtransaction), '{}') from pg_locks
where locktype = 'advisory' and classid = $1::int4::oid and objid = $2::int4::oid
  and database = (select oid from pg_database where datname = current_database())";

/// The batches that hold the log's lock at this moment, as virtual transaction ids.
pub async fn writers(conn: &mut PgConnection) -> Result<Vec<String>, DbError> {
    let locks::AdvisoryLock { class, object } = locks::LOG;
    Ok(sqlx::query(WRITERS).bind(class).bind(object).fetch_one(conn).await?.try_get(0)?)
}

/// Waits until every batch that may still commit a position already handed out has ended. `waiting` is called with the
/// time waited so far.
pub async fn barrier(conn: &mut PgConnection, mut waiting: impl FnMut(Duration)) -> Result<(), DbError> {
    let since = Instant::now();
    let before = with_connection_timeout(writers(conn)).await?;
    let mut now = before.clone();
    while now.iter().any(|writer| before.contains(writer)) {
        waiting(since.elapsed());
        sleep(POLL_INTERVAL).await;
        now = with_connection_timeout(writers(conn)).await?;
    }
    Ok(())
}
