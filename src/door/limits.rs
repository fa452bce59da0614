//! The limits of connections.

use std::time::Duration;

/// The limits of connections.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Maximum number of connections.
    pub connections_max: usize,
    /// Timeout for a head, from the connection's beginning or from the head's first byte.
    pub head: Duration,
    /// Timeout of an idle connection, between two requests.
    pub idle: Duration,
    /// Timeout for writing an answer without progress.
    pub write: Duration,
    /// Maximum size of a head, in bytes; a larger one is refused with 431.
    pub head_bytes_max: usize,
}

impl Limits {
    /// The limits for this number of connections.
    #[must_use]
    pub const fn with_connections(connections_max: usize) -> Self {
        Self {
            connections_max,
            head: Duration::from_secs(10),
            idle: Duration::from_secs(75),
            write: Duration::from_secs(10),
            head_bytes_max: 32 * 1024,
        }
    }

    pub(super) fn shortest(&self) -> Duration {
        self.head.min(self.idle).min(self.write)
    }
}
