//! How many connections the process has descriptors for.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors that are not for connections: the pools of Postgres, Redis, the sockets and pipes of the Kafka clients, the log.
const RESERVED: u64 = 160;
/// Fewer connections than this are no service.
const CONNECTIONS_MIN: u64 = 16;

/// Raises the limit of open descriptors to what the process may have.
pub fn raise_limit() {
    let limit = getrlimit(Resource::Nofile);
    // It stays as it is where that is refused; connections are counted against what holds.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
}

/// The maximum number of connections at once: the number that was asked for, or what the descriptors leave.
#[must_use]
pub fn connections_max(asked: usize, others: usize) -> usize {
    let Some(limit) = getrlimit(Resource::Nofile).current else { return asked };
    let left = limit.saturating_sub(RESERVED + others as u64).max(CONNECTIONS_MIN);
    asked.min(usize::try_from(left).unwrap_or(usize::MAX))
}
