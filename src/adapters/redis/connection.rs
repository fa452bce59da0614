//! A connection to Redis, its timeouts, and the classification of its errors.

use std::{sync::Arc, time::Duration};

use redis::{AsyncConnectionConfig, ErrorKind, RedisError, ServerErrorKind, aio::MultiplexedConnection};

use super::address::RedisAddress;

/// Timeout for connecting …
const CONNECT_TIMEOUT: Duration = Duration::from_millis(300);
/// … and for connecting with TLS, which takes two more round trips and reads the system's certificates. No request waits
/// for either.
const TLS_CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// Timeout of a request: what one read pays, once, when Redis freezes.
const RESPONSE_TIMEOUT: Duration = Duration::from_millis(500);
/// Maximum number of commands that wait for the connection; the next one waits for room.
const PIPELINE_COMMANDS_MAX: usize = 1_024;

/// A connection that works, as far as is known.
#[derive(Clone)]
pub(super) struct Connection {
    pub(super) multiplexed: MultiplexedConnection,
    /// The run of the server, then the history of the books that this process reads and writes, or `-` while that is not
    /// known. A restarted server may have loaded an old copy of its data from disk, or have been a replica without the
    /// last writes; restored books lack the rows that some views were written from. So no view of another run or of
    /// another history is used.
    pub(super) run: Arc<str>,
    /// Whether the history is known.
    pub(super) has_adopted: bool,
    /// Differs from that of every other connection of this process.
    pub(super) number: u64,
}

impl Connection {
    /// The first use of a connection to this run of a server: no history is known yet.
    pub(super) fn new(multiplexed: MultiplexedConnection, server: &str, number: u64) -> Self {
        Self { multiplexed, run: run(server, "-"), has_adopted: false, number }
    }

    /// Reads and writes under this mark from now on.
    pub(super) fn adopt(&mut self, mark: &str) {
        let server = self.run.split('/').next().unwrap_or_default().to_owned();
        self.run = run(&server, mark);
        self.has_adopted = true;
    }
}

/// The semicolon ensures that no run is the beginning of another.
fn run(server: &str, mark: &str) -> Arc<str> {
    format!("{server}/{mark};").into()
}

/// The timeouts of a connection to this address.
pub(super) fn settings(address: &RedisAddress) -> AsyncConnectionConfig {
    let connect_timeout = if address.is_encrypted() { TLS_CONNECT_TIMEOUT } else { CONNECT_TIMEOUT };
    AsyncConnectionConfig::new()
        .set_connection_timeout(Some(connect_timeout))
        .set_response_timeout(Some(RESPONSE_TIMEOUT))
        .set_pipeline_buffer_size(PIPELINE_COMMANDS_MAX)
}

/// Whether Redis answered and merely refused the command.
pub(super) fn is_refusal(error: &RedisError) -> bool {
    match error.kind() {
        ErrorKind::Server(kind) => !matches!(
            kind,
            ServerErrorKind::BusyLoading
                | ServerErrorKind::ReadOnly
                | ServerErrorKind::MasterDown
                | ServerErrorKind::ClusterDown
        ),
        ErrorKind::Extension | ErrorKind::UnexpectedReturnType => true,
        _ => false,
    }
}
