//! Whether a server can be used at all, checked once before any other query.
//!
//! A pooler that distributes a session's statements over several connections (PgBouncer in transaction mode) cannot be
//! used: it breaks session locks, settings and prepared statements, and a PgBouncer before 1.21 may run another client's
//! statement with this one's parameters. So this file uses the simple protocol only, which every pooler passes on rightly.

use std::time::Duration;

use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};
use thiserror::Error;
use tokio::time::timeout;

use super::{DbError, open, session_options, with_connection_timeout};

/// The oldest supported server, the first with `client_connection_check_interval`, as `server_version_num`.
const VERSION_MIN: i32 = 140_000;
const ENCODING: &str = "UTF8";

/// A setting that a session has from its start, with a name that no other program uses.
const MARK: (&str, &str) = ("wallet.session", "direct");

/// The number of further sessions that are held open beside the first one. A pooler assigns the connection that was used
/// last to the next session.
const FURTHER_SESSIONS: usize = 2;
/// Timeout for opening one of them.
const OPEN_TIMEOUT: Duration = Duration::from_secs(2);

/// Why a server cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ServerFault {
    #[error("it is Postgres {0}, and the wallet needs 14 or later")]
    TooOld(String),
    #[error("the database's encoding is {0}, and the wallet needs one that was made with encoding 'UTF8'")]
    Encoding(String),
    #[error(
        "what stands before Postgres does not pass on the settings of a session, as PgBouncer does not: name Postgres \
         itself"
    )]
    DropsSettings,
    #[error(
        "what stands before Postgres shares its connections between sessions, as PgBouncer does in transaction mode: name \
         Postgres itself"
    )]
    SharesConnections,
}

/// The server's version, the encoding of its database, and the session's mark, if it was passed on.
struct ServerFacts {
    version: i32,
    version_text: String,
    encoding: String,
    mark: Option<String>,
}

/// Why this server cannot be used, if it cannot.
///
/// # Errors
/// It cannot be reached now.
pub async fn server_fault(url: &str) -> Result<Option<ServerFault>, DbError> {
    with_connection_timeout(find_fault(url)).await
}

async fn find_fault(url: &str) -> Result<Option<ServerFault>, DbError> {
    let mut first = match connect(url).await {
        Ok(conn) => conn,
        // PgBouncer's words, of whatever version; Postgres takes the parameter.
        Err(error) if error.to_string().contains("unsupported startup parameter") => {
            return Ok(Some(ServerFault::DropsSettings));
        }
        Err(error) => return Err(error.into()),
    };
    if let Some(fault) = facts(&mut first).await?.fault() {
        return Ok(Some(fault));
    }
    let own = session(&mut first).await?;
    let mut others = Vec::new();
    let mut is_shared = false;
    while !is_shared && others.len() < FURTHER_SESSIONS {
        // A server without free connections, or a pooler that waits for one: the sessions that are open are enough.
        let Ok(Ok((other, session))) = timeout(OPEN_TIMEOUT, held(url)).await else { break };
        is_shared = session == own;
        others.push(other);
    }
    if !is_shared {
        is_shared = session(&mut first).await? != own;
    }
    // Not needed for the result: spares the server a log line about a lost connection.
    for conn in others.into_iter().chain([first]) {
        let _ = conn.close().await;
    }
    Ok(is_shared.then_some(ServerFault::SharesConnections))
}

async fn connect(url: &str) -> Result<PgConnection, sqlx::Error> {
    let options =
        session_options(url, "wallet start").map_err(|error| sqlx::Error::Configuration(error.into()))?;
    open(options.options([MARK])).await
}

async fn facts(conn: &mut PgConnection) -> Result<ServerFacts, DbError> {
    let sql = format!(
        "select current_setting('server_version_num')::int4, current_setting('server_version'),
                current_setting('server_encoding'), current_setting('{}', true)",
        MARK.0
    );
    let row = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_one(conn).await?;
    Ok(ServerFacts {
        version: row.try_get(0)?,
        version_text: row.try_get(1)?,
        encoding: row.try_get(2)?,
        mark: row.try_get(3)?,
    })
}

/// The server's process for this session: no two sessions have the same one at a time.
async fn session(conn: &mut PgConnection) -> Result<String, DbError> {
    let sql = "select pg_backend_pid()::text || ' of ' || pg_postmaster_start_time()::text";
    Ok(sqlx::raw_sql(sql).fetch_one(conn).await?.try_get(0)?)
}

/// A session in a transaction, so that a pooler cannot assign its connection to another session.
async fn held(url: &str) -> Result<(PgConnection, String), DbError> {
    let mut conn = connect(url).await?;
    sqlx::raw_sql("begin").execute(&mut conn).await?;
    let session = session(&mut conn).await?;
    Ok((conn, session))
}

impl ServerFacts {
    fn fault(self) -> Option<ServerFault> {
        if self.version < VERSION_MIN {
            Some(ServerFault::TooOld(self.version_text))
        } else if self.encoding != ENCODING {
            Some(ServerFault::Encoding(self.encoding))
        } else if self.mark.as_deref() != Some(MARK.1) {
            Some(ServerFault::DropsSettings)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_must_be_new_enough_speak_utf8_and_have_the_sessions_settings() {
        let of = |version, encoding: &str, mark: Option<&str>| {
            let (encoding, mark) = (encoding.to_owned(), mark.map(str::to_owned));
            ServerFacts { version, version_text: "13.22".to_owned(), encoding, mark }.fault()
        };
        for version in [140_000, 150_013, 180_000] {
            assert_eq!(of(version, "UTF8", Some("direct")), None);
        }
        for version in [90_624, 130_022, 139_999] {
            assert_eq!(of(version, "UTF8", Some("direct")), Some(ServerFault::TooOld("13.22".to_owned())));
        }
        for encoding in ["SQL_ASCII", "LATIN1"] {
            let expected = ServerFault::Encoding(encoding.to_owned());
            assert_eq!(of(140_000, encoding, Some("direct")), Some(expected));
        }
        for mark in [None, Some(""), Some("other")] {
            assert_eq!(of(140_000, "UTF8", mark), Some(ServerFault::DropsSettings));
        }
    }
}
