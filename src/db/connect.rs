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

/// How long a request waits for a connection of the pool: well within the 3 s after which a client hears
/// `unavailable`.
const ACQUIRE_TIMEOUT: Duration = Duration::from_millis(1_500);

/// The maximum number of connections of the internal pool: health and readiness, and the look-up of recipients, ask each of
/// their questions once at a time.
const INTERNAL_POOL_MAX: u32 = 3;

/// How long the internal pool may take to connect. Who asks it waits for 2 s at most ([`within_limit`]); a connection that is
/// slow to come, say on a machine that starts everything at once, must come all the same.
const INTERNAL_ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);

/// The pools.
pub trait Database: Interface {
    /// The pool for what customers read; every reader may wait for it.
    fn connection(&self) -> &DatabaseConnection;

    /// The pool for the service's own questions, each asked once at a time however many need its answer: slow reads that
    /// fill the other pool must not make a healthy service look dead, nor its cache look stale, nor stop transfers.
    fn internal_pool(&self) -> &DatabaseConnection;
}

/// The pools as a component.
#[derive(Component)]
#[shaku(interface = Database)]
pub struct PgDatabase {
    connection: DatabaseConnection,
    internal_pool: DatabaseConnection,
}

impl Database for PgDatabase {
    fn connection(&self) -> &DatabaseConnection {
        &self.connection
    }

    fn internal_pool(&self) -> &DatabaseConnection {
        &self.internal_pool
    }
}

/// What every connection of ours says of itself. Statements end by themselves, so that a hanging one harms nobody for
/// long; and a session whose client has died without a word, with its locks, is found out within half a minute.
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

/// A pool of at most `max` connections, made when they are needed: Postgres may be away now. All that is asked over it goes
/// by a key; a table that was analysed while it was empty must not be scanned whole for that.
pub fn connect(url: &str, max: u32) -> Result<DatabaseConnection, DbError> {
    pool(url, "wallet", max, ACQUIRE_TIMEOUT)
}

/// The pool for the service's own questions; see [`Database::internal_pool`].
pub fn connect_internal(url: &str) -> Result<DatabaseConnection, DbError> {
    pool(url, "wallet internal", INTERNAL_POOL_MAX, INTERNAL_ACQUIRE_TIMEOUT)
}

/// Makes one connection of the pool for reads, and all of the internal pool, so that the first requests need not wait for
/// them. A Postgres that does not answer is no error here: the pools ask it again when a connection is needed.
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

/// A connection that does not answer goes; the pool itself would wait for it for ever, and keep its place taken.
async fn is_alive(conn: &mut PgConnection) -> Result<bool, sqlx::Error> {
    let answer = tokio::time::timeout(ACQUIRE_TIMEOUT, conn.ping()).await;
    answer.unwrap_or_else(|_| Err(io::Error::from(ErrorKind::TimedOut).into())).map(|()| true)
}

/// How long a question to the pool may take, connection and answer together: a Postgres that hangs is as good as away.
const ANSWER_TIMEOUT: Duration = Duration::from_millis(2_000);

/// How long an answer may take on a connection of one's own; longer than a statement of ours lives there. A connection that
/// has died without a word would hold its owner up for hours.
const OWN_ANSWER_TIMEOUT: Duration = Duration::from_secs(12);

/// Waits for an answer on a connection of one's own, but not for ever.
pub async fn in_time<T>(answer: impl Future<Output = Result<T, DbError>>) -> Result<T, DbError> {
    timely(OWN_ANSWER_TIMEOUT, answer).await
}

/// Asks over a pool, and waits for the answer for 2 s at most ([`within_limit`]).
pub async fn ask<T, Q>(
    db: &DatabaseConnection,
    question: impl FnOnce(DatabaseConnection) -> Q,
) -> Result<T, DbError>
where
    T: Send + 'static,
    Q: Future<Output = Result<T, DbError>> + Send + 'static,
{
    apart::run(within_limit(question(db.clone()))).await
}

/// Waits for an answer, but not for ever. A session of the pool that turns out to be unfit is replaced.
pub async fn within_limit<T>(question: impl Future<Output = Result<T, DbError>>) -> Result<T, DbError> {
    timely(ANSWER_TIMEOUT, question).await.inspect_err(|reason| match reason {
        DbError::Unfit(_) => {
            warn!(%reason, "the pool's sessions are replaced");
            session::distrust();
        }
        // Callers are answered as if Postgres were away; here is what somebody has to mend.
        DbError::Misconfigured(_) => error!(%reason, "a statement was refused"),
        _ => {}
    })
}

async fn timely<T>(limit: Duration, answer: impl Future<Output = Result<T, DbError>>) -> Result<T, DbError> {
    let answer = tokio::time::timeout(limit, answer).await;
    answer.unwrap_or_else(|_| Err(DbError::Away("no answer in time".to_owned())))
}

/// Reaches for Postgres.
pub async fn ping(db: &DatabaseConnection) -> Result<(), DbError> {
    ask(db, |db| async move { Ok(db.ping().await?) }).await
}
