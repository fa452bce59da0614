//! The connection, and not asking for it while Redis is away.
//!
//! A request that fails or passes its time limit ends the connection for all. From then on every request is refused at
//! once, without a wait, while one task tries to connect again: at once, then every second.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use redis::{
    AsyncConnectionConfig, Client, ErrorKind, RedisError, RedisResult, Script, ServerErrorKind,
    aio::MultiplexedConnection,
};

/// How long a connection may take to come about.
const CONNECT_LIMIT: Duration = Duration::from_millis(300);
/// How long an answer may take: what one read pays, once, when Redis freezes.
const ANSWER_LIMIT: Duration = Duration::from_millis(500);
/// Between two attempts to connect.
const PAUSE: Duration = Duration::from_secs(1);
/// As many commands wait for the connection before the next one has to wait for room.
const PIPELINE: usize = 1_024;

/// A connection that works, as far as is known.
#[derive(Clone)]
pub(super) struct Link {
    pub(super) connection: MultiplexedConnection,
    /// The run of the server behind it. A server that was started again may have read an old copy of its data from
    /// disk, or have been a replica that lacks the last writes: nothing that was written in another run is believed.
    pub(super) run: Arc<str>,
    /// Tells this connection from the ones before and after.
    number: u64,
}

/// Keeps the link.
pub(super) struct Keeper {
    client: Client,
    script: Script,
    state: Mutex<State>,
}

struct State {
    link: Option<Link>,
    connects: u64,
    /// Somebody is trying to connect.
    is_trying: bool,
}

impl Keeper {
    /// Begins to connect, in the background, and goes on trying. Fails only if the address is none.
    pub(super) fn connect(url: &str, script: Script) -> RedisResult<Arc<Self>> {
        let state = Mutex::new(State { link: None, connects: 0, is_trying: true });
        let keeper = Arc::new(Self { client: Client::open(url)?, script, state });
        tokio::spawn(Self::keep_trying(Arc::downgrade(&keeper), false));
        Ok(keeper)
    }

    /// The link, unless Redis is away.
    pub(super) fn link(&self) -> Option<Link> {
        self.lock().link.clone()
    }

    /// A request on this link failed. A Redis that merely refuses one command is not away.
    pub(super) fn failed(self: &Arc<Self>, link: &Link, error: &RedisError) {
        if is_refusal(error) {
            return;
        }
        {
            let mut state = self.lock();
            let is_current = state.link.as_ref().is_some_and(|current| current.number == link.number);
            if !is_current || state.is_trying {
                return;
            }
            state.link = None;
            state.is_trying = true;
        }
        say_lost(error);
        tokio::spawn(Self::keep_trying(Arc::downgrade(self), true));
    }

    /// Loads the script into this server.
    pub(super) async fn load(&self, connection: &mut MultiplexedConnection) -> RedisResult<()> {
        self.script.load_async(connection).await.map(drop)
    }

    async fn keep_trying(keeper: Weak<Self>, mut is_said: bool) {
        while let Some(keeper) = keeper.upgrade() {
            match keeper.attempt().await {
                Ok(()) if is_said => {
                    return tracing::info!("Redis can be reached again: balances are read from it");
                }
                Ok(()) => return,
                Err(error) if is_said => tracing::debug!(%error, "Redis is still away"),
                Err(error) => say_lost(&error),
            }
            is_said = true;
            drop(keeper);
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn attempt(&self) -> RedisResult<()> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_LIMIT))
            .set_response_timeout(Some(ANSWER_LIMIT))
            .set_pipeline_buffer_size(PIPELINE);
        let mut connection = self.client.get_multiplexed_async_connection_with_config(&config).await?;
        let server: String = redis::cmd("INFO").arg("server").query_async(&mut connection).await?;
        let run = server.lines().find_map(|line| line.strip_prefix("run_id:")).unwrap_or_default();
        self.load(&mut connection).await?;
        let mut state = self.lock();
        state.connects += 1;
        state.link = Some(Link { connection, run: run.trim().into(), number: state.connects });
        state.is_trying = false;
        metrics::gauge!("wallet_cache_up").set(1.0);
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn say_lost(error: &RedisError) {
    metrics::gauge!("wallet_cache_up").set(0.0);
    tracing::warn!(%error, "Redis cannot be reached: balances are read from Postgres until it is back");
}

/// Whether Redis answered and merely refused the command.
fn is_refusal(error: &RedisError) -> bool {
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
