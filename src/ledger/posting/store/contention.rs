//! What the loop asks when another session holds what it needs: seldom, and never on the way of an ordinary batch.

use std::fmt;

use sqlx::{PgConnection, Row};
use uuid::Uuid;

use crate::{
    db::{DbError, open, session_options},
    kernel::ids::WalletId,
};

/// Which of these wallets there are, locked or not.
pub const EXISTING: &str = "select id from wallets where id = any($1::uuid[])";

/// One wallet's lock, waited for in line.
pub const LOCK_ONE: &str = "select id from wallets where id = any($1::uuid[]) for no key update";

/// The sessions that another one waits for. A session of another role shows no more than its process id; a prepared
/// transaction (0) has no session.
const BLOCKERS: &str = "\
select b.pid, coalesce(a.application_name, '') as name, coalesce(a.state, 'unknown') as state,
       coalesce(extract(epoch from clock_timestamp() - a.xact_start)::float8, 0) as seconds
from unnest(pg_blocking_pids($1)) b(pid) left join pg_stat_activity a on a.pid = b.pid";

/// A session that holds a lock.
#[derive(Debug)]
pub struct Blocker {
    /// The process id of its backend; 0: a prepared transaction.
    pub pid: i32,
    /// What it calls itself; empty where that is not to be seen.
    pub application_name: String,
    /// As `pg_stat_activity` has it: `active`, `idle in transaction` …
    pub state: String,
    /// How long its transaction has been going on, in seconds.
    pub transaction_seconds: f64,
}

impl fmt::Display for Blocker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pid, application_name, state, transaction_seconds } = self;
        write!(
            f,
            "pid {pid} \"{application_name}\", {state}, in a transaction for {transaction_seconds:.1} s"
        )
    }
}

fn ids_of(wallets: &[WalletId]) -> Vec<Uuid> {
    wallets.iter().map(|wallet| wallet.0).collect()
}

/// Which of these wallets exist, locked or not.
pub async fn existing(conn: &mut PgConnection, wallets: &[WalletId]) -> Result<Vec<WalletId>, DbError> {
    let rows = sqlx::query(EXISTING).bind(ids_of(wallets)).fetch_all(conn).await?;
    rows.iter().map(|row| Ok(WalletId(row.try_get(0)?))).collect()
}

/// Locks one wallet, behind those that wait for it already; for 250 ms at most ([`DbError::Locked`]).
pub async fn lock_one(conn: &mut PgConnection, wallet: WalletId) -> Result<(), DbError> {
    sqlx::query(LOCK_ONE).bind(ids_of(&[wallet])).execute(conn).await?;
    Ok(())
}

/// The process id of the session's backend.
pub async fn session_id(conn: &mut PgConnection) -> Result<i32, DbError> {
    Ok(sqlx::query("select pg_backend_pid()").fetch_one(conn).await?.try_get(0)?)
}

/// A connection for [`blockers`].
pub async fn connect_to_look(url: &str) -> Result<PgConnection, DbError> {
    Ok(open(session_options(url, "wallet posting loop, look")?).await?)
}

/// Whom a waiting session waits for, asked over another connection.
pub async fn blockers(conn: &mut PgConnection, session: i32) -> Result<Vec<Blocker>, DbError> {
    let rows = sqlx::query(BLOCKERS).bind(session).fetch_all(conn).await?;
    let blockers = rows.iter().map(|row| {
        Ok(Blocker {
            pid: row.try_get("pid")?,
            application_name: row.try_get("name")?,
            state: row.try_get("state")?,
            transaction_seconds: row.try_get("seconds")?,
        })
    });
    blockers.collect()
}
