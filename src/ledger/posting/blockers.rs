//! Who is in the loop's way: a session that waits for another one's lock is watched from a second connection, and the
//! log names the wallet and the other session, once for each wallet that is held.

use std::{collections::HashMap, time::Duration};

use tokio::{
    task::JoinHandle,
    time::{sleep, timeout},
};
use tracing::{info, warn};

use super::store::{self, Blocker};
use crate::{
    db::{Connection, DbError},
    kernel::ids::WalletId,
};

/// The minimum wait that is looked into: an ordinary one, for another process's batch, is over.
const ASK_AFTER: Duration = Duration::from_millis(50);
/// How long an answer may take.
const LIMIT: Duration = Duration::from_millis(800);
/// The number of waits after which the wallet is named, whether or not it is known who is in the way.
const WAITS_MAX: u32 = 8;

/// Where an operation waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Step {
    /// For the wallet's row.
    Lock,
    /// For a key or a reference that another session has inserted and not committed.
    Write,
}

/// The wallets whose operations others hold up, and how often that was waited for in vain. Named ones are at
/// [`WAITS_MAX`].
pub(super) struct Blockers {
    database_url: String,
    held: HashMap<(WalletId, Step), u32>,
    /// To ask over while the batch writer waits; only while there is a session to be named.
    conn: Option<Connection>,
    connecting: Option<JoinHandle<Result<Connection, DbError>>>,
}

impl Blockers {
    pub(super) fn new(database_url: String) -> Self {
        Self { database_url, held: HashMap::new(), conn: None, connecting: None }
    }

    /// Runs a step of `session` that may have to wait, on behalf of this wallet's operations. It is asked who is in the
    /// way when one such wait was in vain already.
    pub(super) async fn watch<T>(
        &mut self,
        session: i32,
        what: (WalletId, Step),
        step: impl Future<Output = Result<T, DbError>>,
    ) -> Result<T, DbError> {
        let waits = self.held.get(&what).copied().unwrap_or_default();
        let mut found = Vec::new();
        let done = if (1..WAITS_MAX).contains(&waits)
            && let Some(conn) = self.connected().await
        {
            let ask = async {
                sleep(ASK_AFTER).await;
                timeout(LIMIT, store::blockers(conn, session)).await
            };
            tokio::pin!(step, ask);
            tokio::select! {
                biased;
                done = &mut step => done,
                blockers = &mut ask => {
                    found = blockers.ok().and_then(Result::ok).unwrap_or_default();
                    step.await
                }
            }
        } else {
            step.await
        };
        match &done {
            Err(DbError::Locked(_)) => self.is_held(what, waits, &found),
            Ok(_) => self.is_free(what.0, what.1),
            Err(_) => {}
        }
        done
    }

    /// The connection, once it is open: the batch does not wait for it.
    async fn connected(&mut self) -> Option<&mut Connection> {
        if self.conn.is_none() {
            let Some(connecting) = self.connecting.take_if(|task| task.is_finished()) else {
                self.connecting.get_or_insert_with(|| {
                    let url = self.database_url.clone();
                    tokio::spawn(async move { store::connect_to_look(&url).await })
                });
                return None;
            };
            self.conn = connecting.await.ok().and_then(Result::ok);
        }
        self.conn.as_mut()
    }

    fn is_held(&mut self, what: (WalletId, Step), waits: u32, found: &[Blocker]) {
        let waits_now = if found.is_empty() { waits.saturating_add(1) } else { WAITS_MAX };
        self.held.insert(what, waits_now);
        if waits >= WAITS_MAX || waits_now < WAITS_MAX {
            return;
        }
        // The next one to be named may be long in coming; and this connection may be what is broken.
        self.conn = None;
        let names: Vec<String> = found.iter().map(Blocker::to_string).collect();
        let blockers = if names.is_empty() { "unknown".to_owned() } else { names.join("; ") };
        let (wallet, step) = what;
        warn!(%wallet, ?step, blockers, "another session holds what operations of this wallet need; they wait, others go on");
    }

    /// Notes that no session holds the wallet's operations up any more.
    pub(super) fn is_free(&mut self, wallet: WalletId, step: Step) {
        if self.held.is_empty() {
            return;
        }
        if self.held.remove(&(wallet, step)).is_some_and(|waits| waits >= WAITS_MAX) {
            info!(%wallet, "operations of this wallet go on again");
        }
    }
}
