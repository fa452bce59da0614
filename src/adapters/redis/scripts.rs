//! The scripts that run in Redis.

use std::sync::atomic::{AtomicU64, Ordering};

use redis::{RedisResult, Script, aio::MultiplexedConnection};
use uuid::Uuid;

/// The scripts, with the hashes by which they are called.
#[derive(Clone)]
pub(super) struct Scripts {
    pub(super) write: Script,
    pub(super) tickets: Script,
    pub(super) adopt: Script,
}

impl Scripts {
    pub(super) fn new() -> Self {
        Self {
            write: Script::new(include_str!("write_if_newer.lua")),
            tickets: Script::new(include_str!("tickets.lua")),
            adopt: Script::new(include_str!("adopt.lua")),
        }
    }

    /// Loads them into this server.
    pub(super) async fn load(&self, connection: &mut MultiplexedConnection) -> RedisResult<()> {
        self.write.load_async(connection).await?;
        self.tickets.load_async(connection).await?;
        self.adopt.load_async(connection).await.map(drop)
    }
}

/// Makes tokens that are unique among the calls of all processes.
pub(super) struct CallTokens {
    /// Random.
    process: u64,
    calls: AtomicU64,
}

impl CallTokens {
    pub(super) fn new() -> Self {
        let (random, _) = Uuid::new_v4().as_u64_pair();
        Self { process: random >> 16, calls: AtomicU64::new(0) }
    }

    pub(super) fn next(&self) -> String {
        format!("{:x}.{:x}", self.process, self.calls.fetch_add(1, Ordering::Relaxed))
    }
}
