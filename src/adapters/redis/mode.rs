//! The server's mode: the cache needs a server that holds all keys itself, as one script writes fifty of them.

use redis::{AsyncConnectionConfig, Client, RedisResult, aio::MultiplexedConnection};

/// The part of `INFO server` that matters here.
pub(super) struct Server {
    /// The run of the server, shortened to 16 hexadecimal digits, which are enough to differ.
    pub(super) run: String,
    /// Why this server cannot be used, if it cannot.
    pub(super) unusable: Option<String>,
}

/// Reads the server's mode and run (<https://redis.io/docs/latest/commands/info/>, `redis_mode` and `run_id`).
pub(super) async fn ask(connection: &mut MultiplexedConnection) -> RedisResult<Server> {
    let text: String = redis::cmd("INFO").arg("server").query_async(connection).await?;
    let value = |name: &str| {
        let found = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        found.unwrap_or_default().trim().to_owned()
    };
    let unusable = match value("redis_mode").as_str() {
        "cluster" => Some(
            "it is a node of a Redis Cluster, and one script writes the keys of fifty wallets: name a Redis that \
             holds all keys itself"
                .to_owned(),
        ),
        "sentinel" => {
            Some("it is a Sentinel, which holds no keys: name the Redis that it watches over".to_owned())
        }
        _ => None,
    };
    Ok(Server { run: value("run_id").chars().take(16).collect(), unusable })
}

/// Why the server at this address cannot be used, as far as that is known now: the mode of an unreachable server is not.
pub(super) async fn unusable(client: &Client, config: &AsyncConnectionConfig) -> Option<String> {
    let mut connection = client.get_multiplexed_async_connection_with_config(config).await.ok()?;
    ask(&mut connection).await.ok()?.unusable
}
