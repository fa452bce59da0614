//! Holds the connection, and replaces it when it fails.
//!
//! A request that fails or times out ends the connection for all. From then on every request fails at once, without a
//! wait, while one task reconnects: at once, then every second.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use redis::{AsyncConnectionConfig, Client, RedisError, RedisResult, aio::MultiplexedConnection};
use thiserror::Error;
use tokio::{runtime::Handle, task::spawn_blocking};

use super::{
    address::RedisAddress,
    connection::{Connection, is_refusal, settings},
    mode,
    refusals::Refusals,
    scripts::Scripts,
};

/// Delay between two attempts to connect.
const RETRY_DELAY: Duration = Duration::from_secs(1);
/// The kind of failure that is a Redis which does not answer.
const UNREACHABLE: &str = "unreachable";

/// Holds the connection, or reconnects.
pub(super) struct Reconnector {
    client: Client,
    settings: AsyncConnectionConfig,
    scripts: Scripts,
    state: Mutex<State>,
    refusals: Refusals,
}

/// Why connecting failed.
#[derive(Debug, Error)]
enum ConnectError {
    #[error(transparent)]
    Redis(#[from] RedisError),
    #[error("Redis cannot be used: {0}")]
    Unusable(String),
}

struct State {
    connection: Option<Connection>,
    connects: u64,
    /// A task is connecting.
    is_connecting: bool,
    /// Why there is no connection; empty at first.
    reason: String,
}

impl Reconnector {
    /// Connects in the background, and retries without end. Fails only if the address is invalid.
    pub(super) fn connect(address: &RedisAddress, scripts: Scripts) -> RedisResult<Arc<Self>> {
        let reconnector = Arc::new(Self {
            client: address.client()?,
            settings: settings(address),
            scripts,
            state: Mutex::new(State {
                connection: None,
                connects: 0,
                is_connecting: true,
                reason: String::new(),
            }),
            refusals: Refusals::default(),
        });
        tokio::spawn(Self::keep_connecting(Arc::downgrade(&reconnector), String::new()));
        Ok(reconnector)
    }

    /// The connection, or the reason why there is none.
    pub(super) fn connection(&self) -> Result<Connection, String> {
        let state = self.lock();
        state.connection.clone().ok_or_else(|| format!("Redis cannot be reached: {}", state.reason))
    }

    /// Notes that Redis accepted a write.
    pub(super) fn written(&self) {
        self.refusals.written();
    }

    /// The first refusal since Redis last accepted a write.
    pub(super) fn refusal(&self) -> Option<String> {
        self.refusals.reason()
    }

    /// This connection reads and writes under a mark from now on. A connection that has replaced it adopts its own.
    pub(super) fn adopt(&self, connection: &Connection, mark: &str) {
        let mut state = self.lock();
        if let Some(current) = state.connection.as_mut().filter(|current| current.number == connection.number)
        {
            current.adopt(mark);
        }
    }

    /// Notes that a request on this connection failed. A Redis that merely refuses one command keeps its connection.
    pub(super) fn failed(self: &Arc<Self>, connection: &Connection, error: &RedisError) {
        if is_refusal(error) {
            self.refusals.note(error);
            return;
        }
        {
            let mut state = self.lock();
            let is_current =
                state.connection.as_ref().is_some_and(|current| current.number == connection.number);
            if !is_current || state.is_connecting {
                return;
            }
            state.connection = None;
            state.is_connecting = true;
            state.reason = error.to_string();
        }
        log_lost(error);
        tokio::spawn(Self::keep_connecting(Arc::downgrade(self), UNREACHABLE.to_owned()));
    }

    /// Connects, and retries until there is a connection. A failure is logged if its kind differs from `logged`, the kind
    /// that was logged last.
    async fn keep_connecting(reconnector: Weak<Self>, mut logged: String) {
        while let Some(reconnector) = reconnector.upgrade() {
            let Err(error) = reconnector.attempt().await else {
                if !logged.is_empty() {
                    tracing::info!("Redis can be reached again: balances are read from it");
                }
                return;
            };
            reconnector.lock().reason = error.to_string();
            let kind = match &error {
                ConnectError::Redis(error) if !is_refusal(error) => UNREACHABLE,
                error => &error.to_string(),
            };
            if logged == kind {
                tracing::debug!(%error, "Redis still cannot be used");
            } else {
                logged = kind.to_owned();
                reconnector.log(&error);
            }
            drop(reconnector);
            tokio::time::sleep(RETRY_DELAY).await;
        }
    }

    fn log(&self, error: &ConnectError) {
        match error {
            ConnectError::Redis(error) if is_refusal(error) => self.refusals.note(error),
            ConnectError::Redis(error) => log_lost(error),
            ConnectError::Unusable(_) => {
                metrics::gauge!("wallet_cache_up").set(0.0);
                tracing::error!("{error}; balances are read from Postgres");
            }
        }
    }

    async fn attempt(&self) -> Result<(), ConnectError> {
        let mut connection = self.open().await?;
        let server = mode::ask(&mut connection).await?;
        if let Some(reason) = server.unusable {
            return Err(ConnectError::Unusable(reason));
        }
        self.scripts.load(&mut connection).await?;
        let mut state = self.lock();
        state.connects += 1;
        state.connection = Some(Connection::new(connection, &server.run, state.connects));
        state.is_connecting = false;
        metrics::gauge!("wallet_cache_up").set(1.0);
        Ok(())
    }

    /// On a thread of its own: with TLS the client reads every certificate that the system trusts, and blocks.
    async fn open(&self) -> Result<MultiplexedConnection, ConnectError> {
        let (client, settings, runtime) = (self.client.clone(), self.settings.clone(), Handle::current());
        let connected = spawn_blocking(move || {
            runtime.block_on(client.get_multiplexed_async_connection_with_config(&settings))
        });
        Ok(connected.await.map_err(|error| ConnectError::Unusable(error.to_string()))??)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why the server at this address cannot be used, as far as that is known now. An invalid address is an error.
pub(super) async fn unusable(address: &RedisAddress) -> RedisResult<Option<String>> {
    Ok(mode::unusable(&address.client()?, &settings(address)).await)
}

fn log_lost(error: &RedisError) {
    metrics::gauge!("wallet_cache_up").set(0.0);
    tracing::warn!(%error, "Redis cannot be reached: balances are read from Postgres until it is back");
}
