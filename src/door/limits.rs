//! What one connection may cost.

use std::time::Duration;

/// What one connection may cost.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How many connections there may be at once.
    pub connections_max: usize,
    /// How long a head may take, from the connection's beginning or from the head's first byte.
    pub head: Duration,
    /// How long a connection may be idle between two requests.
    pub idle: Duration,
    /// How long the peer may take none of an answer.
    pub write: Duration,
    /// How large a head may be, in bytes; a larger one is refused with 431.
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
