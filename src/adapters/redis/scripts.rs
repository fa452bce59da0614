//! The scripts that run in Redis.

use redis::{RedisResult, Script, aio::MultiplexedConnection};

/// The scripts, with the hashes that they are called by.
#[derive(Clone)]
pub(super) struct Scripts {
    pub(super) write: Script,
    pub(super) tickets: Script,
    pub(super) adopt: Script,
}

impl Scripts {
    pub(super) fn new() -> Self {
        Self {
            write: Script::new(include_str!("newer_only.lua")),
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
