//! The connection, and not asking for it while Redis is away.
//!
//! A request that fails or passes its time limit ends the connection for all. From then on every request is refused at
//! once, without a wait, while one task tries to connect again: at once, then every second.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use redis::{
    AsyncConnectionConfig, Client, ErrorKind, RedisError, RedisResult, ServerErrorKind,
    aio::MultiplexedConnection,
};
use thiserror::Error;
use tokio::{runtime::Handle, task::spawn_blocking};

use super::{address::RedisAddress, mode, refusals::Refusals, scripts::Scripts};

/// How long a connection may take to come about …
const CONNECT_LIMIT: Duration = Duration::from_millis(300);
/// … and one with TLS, which goes to and fro twice more, and reads the system's certificates. Nobody waits for either.
const TLS_CONNECT_LIMIT: Duration = Duration::from_secs(1);
/// How long an answer may take: what one read pays, once, when Redis freezes.
const ANSWER_LIMIT: Duration = Duration::from_millis(500);
/// Between two attempts to connect.
const PAUSE: Duration = Duration::from_secs(1);
/// The maximum number of commands that wait for the connection; the next one waits for room.
const PIPELINE: usize = 1_024;

/// The kind of trouble that is a Redis which does not answer.
const AWAY: &str = "away";

/// A connection that works, as far as is known.
#[derive(Clone)]
pub(super) struct Link {
    pub(super) connection: MultiplexedConnection,
    /// The run of the server behind it, then the history of the books that this process reads and writes, or `-` while
    /// that is not known. A server that was started again may have read an old copy of its data from disk, or have been
    /// a replica that lacks the last writes; books that were restored lack what the entries were written from. So
    /// nothing that was written in another run, or of another history, is believed.
    pub(super) run: Arc<str>,
    /// Whether the history is known.
    pub(super) has_adopted: bool,
    /// Tells this connection from the ones before and after.
    pub(super) number: u64,
}

/// Keeps the link.
pub(super) struct Keeper {
    client: Client,
    settings: AsyncConnectionConfig,
    scripts: Scripts,
    state: Mutex<State>,
    refusals: Refusals,
}

/// Why there is no link.
#[derive(Debug, Error)]
enum Trouble {
    #[error(transparent)]
    Redis(#[from] RedisError),
    #[error("Redis cannot be used: {0}")]
    Unusable(String),
}

struct State {
    link: Option<Link>,
    connects: u64,
    /// Somebody is trying to connect.
    is_trying: bool,
    /// Why there is no link, in words; empty at first.
    reason: String,
}

impl Keeper {
    /// Begins to connect, in the background, and goes on trying. Fails only if the address is none.
    pub(super) fn connect(address: &RedisAddress, scripts: Scripts) -> RedisResult<Arc<Self>> {
        let keeper = Arc::new(Self {
            client: address.client()?,
            settings: settings(address),
            scripts,
            state: Mutex::new(State { link: None, connects: 0, is_trying: true, reason: String::new() }),
            refusals: Refusals::default(),
        });
        tokio::spawn(Self::keep_trying(Arc::downgrade(&keeper), String::new()));
        Ok(keeper)
    }

    /// The link; without one, the reason in words.
    pub(super) fn link(&self) -> Result<Link, String> {
        let state = self.lock();
        state.link.clone().ok_or_else(|| format!("Redis is away: {}", state.reason))
    }

    /// Redis took a write.
    pub(super) fn written(&self) {
        self.refusals.written();
    }

    /// What Redis refused since it last took a write; none: nothing.
    pub(super) fn refusal(&self) -> Option<String> {
        self.refusals.reason()
    }

    /// This link reads and writes under a mark from now on. One that was replaced meanwhile adopts its own.
    pub(super) fn adopt(&self, link: &Link, mark: &str) {
        let mut state = self.lock();
        if let Some(current) = state.link.as_mut().filter(|current| current.number == link.number) {
            let server = current.run.split('/').next().unwrap_or_default().to_owned();
            current.run = run(&server, mark);
            current.has_adopted = true;
        }
    }

    /// A request on this link failed. A Redis that merely refuses one command is not away.
    pub(super) fn failed(self: &Arc<Self>, link: &Link, error: &RedisError) {
        if is_refusal(error) {
            self.refusals.note(error);
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
            state.reason = error.to_string();
        }
        say_lost(error);
        tokio::spawn(Self::keep_trying(Arc::downgrade(self), AWAY.to_owned()));
    }

    /// Tries until there is a link. What is in the way is logged when it is another kind of thing than `said`, the one
    /// that was logged last.
    async fn keep_trying(keeper: Weak<Self>, mut said: String) {
        while let Some(keeper) = keeper.upgrade() {
            let Err(trouble) = keeper.attempt().await else {
                if !said.is_empty() {
                    tracing::info!("Redis can be reached again: balances are read from it");
                }
                return;
            };
            keeper.lock().reason = trouble.to_string();
            let kind = match &trouble {
                Trouble::Redis(error) if !is_refusal(error) => AWAY,
                trouble => &trouble.to_string(),
            };
            if said == kind {
                tracing::debug!(%trouble, "there is still no Redis");
            } else {
                said = kind.to_owned();
                keeper.say(&trouble);
            }
            drop(keeper);
            tokio::time::sleep(PAUSE).await;
        }
    }

    fn say(&self, trouble: &Trouble) {
        match trouble {
            Trouble::Redis(error) if is_refusal(error) => self.refusals.note(error),
            Trouble::Redis(error) => say_lost(error),
            Trouble::Unusable(_) => {
                metrics::gauge!("wallet_cache_up").set(0.0);
                tracing::error!("{trouble}; balances are read from Postgres");
            }
        }
    }

    async fn attempt(&self) -> Result<(), Trouble> {
        let mut connection = self.connection().await?;
        let server = mode::ask(&mut connection).await?;
        if let Some(reason) = server.unusable {
            return Err(Trouble::Unusable(reason));
        }
        self.scripts.load(&mut connection).await?;
        let mut state = self.lock();
        state.connects += 1;
        state.link =
            Some(Link { connection, run: run(&server.run, "-"), has_adopted: false, number: state.connects });
        state.is_trying = false;
        metrics::gauge!("wallet_cache_up").set(1.0);
        Ok(())
    }

    /// On a thread of its own: with TLS the client reads every certificate that the system trusts, and blocks meanwhile.
    async fn connection(&self) -> Result<MultiplexedConnection, Trouble> {
        let (client, settings, runtime) = (self.client.clone(), self.settings.clone(), Handle::current());
        let connected = spawn_blocking(move || {
            runtime.block_on(client.get_multiplexed_async_connection_with_config(&settings))
        });
        Ok(connected.await.map_err(|error| Trouble::Unusable(error.to_string()))??)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The end keeps one from being the beginning of another.
fn run(server: &str, mark: &str) -> Arc<str> {
    format!("{server}/{mark};").into()
}

fn settings(address: &RedisAddress) -> AsyncConnectionConfig {
    let connect_limit = if address.is_encrypted() { TLS_CONNECT_LIMIT } else { CONNECT_LIMIT };
    AsyncConnectionConfig::new()
        .set_connection_timeout(Some(connect_limit))
        .set_response_timeout(Some(ANSWER_LIMIT))
        .set_pipeline_buffer_size(PIPELINE)
}

/// Why the server at this address cannot be used, as far as that is known now. An address that is none is an error.
pub(super) async fn unusable(address: &RedisAddress) -> RedisResult<Option<String>> {
    Ok(mode::unusable(&address.client()?, &settings(address)).await)
}

fn say_lost(error: &RedisError) {
    metrics::gauge!("wallet_cache_up").set(0.0);
    tracing::warn!(%error, "Redis cannot be reached: balances are read from Postgres until it is back");
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
