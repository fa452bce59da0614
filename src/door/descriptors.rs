//! The number of connections that the process has descriptors for.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors that are not for clients' connections: Postgres, Redis, the sockets and pipes of the Kafka clients, the log.
const RESERVED_DESCRIPTORS: u64 = 160;
/// The minimum, even where it exceeds the descriptors.
const CONNECTIONS_MIN: u64 = 16;

/// Raises the limit of open descriptors to the hard limit.
pub fn raise_limit() {
    let limit = getrlimit(Resource::Nofile);
    // If this is refused the limit stays, and `connections_max` uses it.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
}

/// Maximum number of connections: the configured one, or as the descriptors allow.
#[must_use]
pub fn connections_max(configured: usize, others: usize) -> usize {
    let Some(limit) = getrlimit(Resource::Nofile).current else { return configured };
    let left = limit.saturating_sub(RESERVED_DESCRIPTORS + others as u64).max(CONNECTIONS_MIN);
    configured.min(usize::try_from(left).unwrap_or(usize::MAX))
}
