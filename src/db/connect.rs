//! Connecting to Postgres.

use std::{
    future::ready,
    io::{self, ErrorKind},
    str::FromStr,
    time::Duration,
};

use futures_util::future::join_all;
use sea_orm::{DatabaseConnection, SqlxPostgresConnector};
use shaku::{Component, Interface};
use sqlx::{
    Connection, PgConnection,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tracing::{error, warn};

use super::{DbError, apart, session};

/// Maximum wait of a request for a connection of the pool: well within the 3 s after which a client is answered
/// `unavailable`.
const ACQUIRE_TIMEOUT: Duration = Duration::from_millis(1_500);

/// Maximum number of connections of the internal pool: health, readiness and the look-up of recipients each run one query
/// at a time.
const INTERNAL_POOL_MAX: u32 = 3;

/// Maximum time for the internal pool to connect. Its callers wait for [`POOL_QUERY_TIMEOUT`] at most; a connection that
/// opens slowly, as on a machine that is just starting, must open all the same.
const INTERNAL_ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);

/// The pools.
pub trait Database: Interface {
    /// The pool for the customers' reads, which may wait for a connection.
    fn pool(&self) -> &DatabaseConnection;

    /// The pool for the service's own queries, each run once at a time for all that need its result: slow reads that fill
    /// the other pool must neither fail the health checks, nor make the cache stale, nor stop transfers.
    fn internal_pool(&self) -> &DatabaseConnection;
}

/// The pools as a component.
#[derive(Component)]
#[shaku(interface = Database)]
pub struct PgDatabase {
    pool: DatabaseConnection,
    internal_pool: DatabaseConnection,
}

impl Database for PgDatabase {
    fn pool(&self) -> &DatabaseConnection {
        &self.pool
    }

    fn internal_pool(&self) -> &DatabaseConnection {
        &self.internal_pool
    }
}

/// Session defaults for all connections: a statement timeout, and TCP keepalives, so that the locks of a dead client are
/// released within 30 s.
pub fn session_options(url: &str, name: &str) -> Result<PgConnectOptions, DbError> {
    Ok(PgConnectOptions::from_str(url)?.application_name(name).options([
        ("default_transaction_isolation", "read committed"),
        ("standard_conforming_strings", "on"),
        ("statement_timeout", "2000"),
        ("TimeZone", "UTC"),
        ("tcp_keepalives_idle", "15"),
        ("tcp_keepalives_interval", "5"),
        ("tcp_keepalives_count", "3"),
    ]))
}

/// A pool of at most `max` connections, opened when they are needed: Postgres need not be reachable yet. Every query over
/// it goes by a key, so sequential scans are off: a table that was analysed while it was empty must not be scanned whole.
pub fn connect(url: &str, max: u32) -> Result<DatabaseConnection, DbError> {
    pool(url, "wallet", max, ACQUIRE_TIMEOUT)
}

/// The pool for the service's own queries; see [`Database::internal_pool`].
pub fn connect_internal(url: &str) -> Result<DatabaseConnection, DbError> {
    pool(url, "wallet internal", INTERNAL_POOL_MAX, INTERNAL_ACQUIRE_TIMEOUT)
}

/// Opens one connection of the pool for reads, and all of the internal pool, so that the first requests need not wait for
/// them. An unreachable Postgres is no error here: the pools retry when a connection is needed.
pub async fn warm_up(reads: &DatabaseConnection, internal: &DatabaseConnection) {
    let all = (0..INTERNAL_POOL_MAX).map(|_| ping(internal));
    let _ = tokio::join!(ping(reads), join_all(all));
}

fn pool(url: &str, name: &str, max: u32, acquire_timeout: Duration) -> Result<DatabaseConnection, DbError> {
    let pool = PgPoolOptions::new()
        .max_connections(max)
        .acquire_timeout(acquire_timeout)
        .after_connect(|conn, _| Box::pin(session::commit_durably(conn)))
        .before_acquire(|_, session| Box::pin(ready(Ok(session::is_trusted(session.age)))))
        .after_release(|conn, _| Box::pin(is_alive(conn)))
        .connect_lazy_with(session_options(url, name)?.options([("enable_seqscan", "off"), ("jit", "off")]));
    Ok(SqlxPostgresConnector::from_sqlx_postgres_pool(pool))
}

/// Closes a connection that does not answer: the pool itself would wait for it without end, and count it as used.
async fn is_alive(conn: &mut PgConnection) -> Result<bool, sqlx::Error> {
    let answer = tokio::time::timeout(ACQUIRE_TIMEOUT, conn.ping()).await;
    answer.unwrap_or_else(|_| Err(io::Error::from(ErrorKind::TimedOut).into())).map(|()| true)
}

/// Timeout of a query over a pool, opening a connection included.
const POOL_QUERY_TIMEOUT: Duration = Duration::from_millis(2_000);

/// Timeout of a query over a single connection, longer than the statement timeout. Without it a dead connection would
/// block its owner for hours.
const CONNECTION_QUERY_TIMEOUT: Duration = Duration::from_secs(12);

/// Runs a query over a single connection, for [`CONNECTION_QUERY_TIMEOUT`] at most.
pub async fn with_connection_timeout<T>(
    query: impl Future<Output = Result<T, DbError>>,
) -> Result<T, DbError> {
    with_timeout(CONNECTION_QUERY_TIMEOUT, query).await
}

/// Runs a query over a pool, for [`POOL_QUERY_TIMEOUT`] at most.
pub async fn ask<T, Q>(
    db: &DatabaseConnection,
    query: impl FnOnce(DatabaseConnection) -> Q,
) -> Result<T, DbError>
where
    T: Send + 'static,
    Q: Future<Output = Result<T, DbError>> + Send + 'static,
{
    apart::run(with_pool_timeout(query(db.clone()))).await
}

/// Runs a query for [`POOL_QUERY_TIMEOUT`] at most. After [`DbError::Unfit`] the pools' sessions are replaced.
pub async fn with_pool_timeout<T>(query: impl Future<Output = Result<T, DbError>>) -> Result<T, DbError> {
    with_timeout(POOL_QUERY_TIMEOUT, query).await.inspect_err(|reason| match reason {
        DbError::Unfit(_) => {
            warn!(%reason, "the pool's sessions are replaced");
            session::distrust();
        }
        // Callers are answered as if Postgres were unavailable; an operator needs the reason.
        DbError::Misconfigured(_) => error!(%reason, "a statement was refused"),
        _ => {}
    })
}

async fn with_timeout<T>(
    limit: Duration,
    query: impl Future<Output = Result<T, DbError>>,
) -> Result<T, DbError> {
    let result = tokio::time::timeout(limit, query).await;
    result.unwrap_or_else(|_| Err(DbError::Unavailable("no answer in time".to_owned())))
}

/// Checks that Postgres answers.
pub async fn ping(db: &DatabaseConnection) -> Result<(), DbError> {
    ask(db, |db| async move { Ok(db.ping().await?) }).await
}
