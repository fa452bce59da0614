//! The lane: one connection to Postgres and what happens to a batch on it. Begin, lock, recall, decide, write, commit;
//! and the ways out when one of these fails.

use std::time::Duration;

use sqlx::PgConnection;
use tokio::{
    sync::OwnedSemaphorePermit,
    time::{Instant, sleep, timeout, timeout_at},
};
use tracing::{error, info, warn};

use super::{
    batch_clock::BatchClock,
    book::{Book, Outcome},
    operation::{KeyName, Operation, ReferenceKey},
    store,
};
use crate::{
    db::DbError,
    kernel::{fail_point::fail_point, ids::WalletId},
};

/// A batch whose commit has not been sent so long after its oldest operation began to wait is given up: nothing was
/// done.
const WORK_LIMIT: Duration = Duration::from_millis(2_000);
/// What a batch gets however long its operations have waited for their turn: time for one attempt.
const ATTEMPT: Duration = Duration::from_millis(800);
/// How long a lost commit is looked for, from the moment it was sent.
const TRUTH_LIMIT: Duration = Duration::from_millis(2_000);
/// How long a commit's answer is waited for: a connection that is silent then may be dead, and another one can ask.
const COMMIT_LIMIT: Duration = Duration::from_millis(1_000);
const CONNECT_LIMIT: Duration = Duration::from_millis(800);
/// How often a batch is run again when other transactions are in the way.
const BUSY_RETRIES: u32 = 5;
const PAUSE: Duration = Duration::from_millis(50);

/// Why a batch got no decisions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// The commit was never sent; nothing was done.
    Unavailable,
    /// The commit was sent and lost, and Postgres could not be asked in time.
    OutcomeUnknown,
    /// The batch cannot be written; the text is for the log.
    Defect(String),
}

/// How one run over a batch ended.
enum Run {
    Done(Vec<Outcome>),
    /// Nothing was done.
    Failed(DbError),
    /// Postgres' clock can't be believed; nothing was done.
    Undated,
    /// The commit was sent; no answer came.
    CommitLost {
        outcomes: Vec<Outcome>,
        sent_at: Instant,
    },
}

/// One connection of the loop's own, made again when it is lost.
pub(super) struct Lane {
    database_url: String,
    clock: BatchClock,
    conn: Option<PgConnection>,
    /// Whether Postgres was there at the last attempt. The first batch that misses it tries on until its limit; those
    /// behind it get one attempt each, so that they hear soon enough.
    reachable: bool,
}

impl Lane {
    pub(super) fn new(database_url: String, clock: BatchClock) -> Self {
        Self { database_url, clock, conn: None, reachable: true }
    }

    /// Decides and commits a batch, whole or not at all; the outcomes come in the order of the operations, the oldest
    /// of which waits since `since`. `turn` is given up when the commit is sent: from then on another batch may go
    /// on beside this one.
    pub(super) async fn post(
        &mut self,
        batch: &[&Operation],
        since: Instant,
        turn: &mut Option<OwnedSemaphorePermit>,
    ) -> Result<Vec<Outcome>, Failure> {
        let give_up_at = (since + WORK_LIMIT).max(Instant::now() + ATTEMPT);
        let mut lost: Option<(Vec<Outcome>, Instant)> = None;
        let mut busy = 0;
        let was_reachable = self.reachable;
        loop {
            let deadline = lost.as_ref().map_or(give_up_at, |(_, sent_at)| *sent_at + TRUTH_LIMIT);
            let earlier = lost.as_ref().map(|(outcomes, _)| outcomes.as_slice());
            match self.run(batch, earlier, deadline, turn).await {
                Run::Done(outcomes) => return Ok(outcomes),
                Run::Undated => return Err(Failure::Unavailable),
                Run::CommitLost { outcomes, sent_at } => {
                    warn!(operations = batch.len(), "a commit was lost; asking Postgres what became of it");
                    metrics::counter!("wallet_commits_lost_total").increment(1);
                    // The first loss counts: nobody waits longer because a second commit is lost as well.
                    lost = Some((outcomes, lost.map_or(sent_at, |(_, first)| first)));
                }
                Run::Failed(_) if lost.is_some() => {
                    if Instant::now() + PAUSE > deadline {
                        return Err(Failure::OutcomeUnknown);
                    }
                    sleep(PAUSE).await;
                }
                Run::Failed(DbError::Busy(reason)) => {
                    busy += 1;
                    metrics::counter!("wallet_batches_rerun_total").increment(1);
                    if busy > BUSY_RETRIES || Instant::now() > deadline {
                        warn!(reason, "a batch was given up: other transactions stay in its way");
                        return Err(Failure::Unavailable);
                    }
                }
                Run::Failed(DbError::Away(reason)) => {
                    if !was_reachable || Instant::now() + PAUSE > deadline {
                        if was_reachable {
                            warn!(reason, "Postgres cannot be reached");
                        }
                        return Err(Failure::Unavailable);
                    }
                    sleep(PAUSE).await;
                }
                Run::Failed(defect) => return Err(Failure::Defect(defect.to_string())),
            }
        }
    }

    /// Runs over a batch once. `earlier` are the outcomes of a run whose commit was lost: if that commit took place
    /// after all, they are the answer.
    async fn run(
        &mut self,
        batch: &[&Operation],
        earlier: Option<&[Outcome]>,
        deadline: Instant,
        turn: &mut Option<OwnedSemaphorePermit>,
    ) -> Run {
        let prepared = timeout_at(deadline, self.prepare(batch, earlier)).await;
        let prepared = prepared.unwrap_or_else(|_| Err(DbError::Away("no answer in time".to_owned())));
        let (outcomes, to_commit) = match prepared {
            Ok(Some(prepared)) => prepared,
            Ok(None) => return Run::Undated,
            Err(error) => {
                // Whatever state the connection is in: a new one is in a known state. Its end rolls back.
                self.conn = None;
                return Run::Failed(error);
            }
        };
        let Some(conn) = self.conn.as_mut().filter(|_| to_commit) else {
            return Run::Done(outcomes);
        };
        fail_point("lane.before_commit");
        let sent_at = Instant::now();
        *turn = None;
        let committed = timeout(COMMIT_LIMIT, store::control(conn, "commit")).await;
        metrics::histogram!("wallet_commit_seconds").record(sent_at.elapsed());
        fail_point("lane.committed");
        match committed {
            Ok(Ok(())) => Run::Done(outcomes),
            // Even a refusal in words may come after the commit (a server that shuts down while a standby has not
            // confirmed): only the books tell.
            failed => {
                self.conn = None;
                if let Ok(Err(reason)) = failed {
                    warn!(%reason, "the commit failed");
                }
                Run::CommitLost { outcomes, sent_at }
            }
        }
    }

    /// Everything before the commit. Answers whether there is something to commit; if not, the transaction is over.
    /// None: the batch can't be dated.
    async fn prepare(
        &mut self,
        batch: &[&Operation],
        earlier: Option<&[Outcome]>,
    ) -> Result<Option<(Vec<Outcome>, bool)>, DbError> {
        let clock = self.clock.clone();
        let conn = self.connection().await?;
        store::control(conn, "begin").await?;
        fail_point("lane.begun");
        let locking = Instant::now();
        let wallets = store::lock(conn, &wallets_of(batch)).await?;
        metrics::histogram!("wallet_lock_seconds").record(locking.elapsed());
        fail_point("lane.locked");
        if let Some(outcomes) = earlier {
            if store::is_booked(conn, batch).await? {
                store::control(conn, "rollback").await?;
                info!("the lost commit had taken place");
                return Ok(Some((outcomes.to_vec(), false)));
            }
            info!("the lost commit had not taken place; running the batch again");
        }
        let references: Vec<ReferenceKey> =
            batch.iter().filter_map(|operation| operation.reference()).collect();
        let keys: Vec<&KeyName> = batch.iter().filter_map(|o| Some(&o.key.as_ref()?.name)).collect();
        let recalled = store::recall(conn, &references, &keys).await?;
        fail_point("lane.recalled");
        let now = clock.time(recalled.now, async || store::clock_accepted_at(conn).await).await?;
        let Some(now) = now else {
            store::control(conn, "rollback").await?;
            return Ok(None);
        };
        let mut book = Book::new(wallets, recalled.references, recalled.keys);
        let outcomes = batch.iter().map(|operation| book.apply(operation, now)).collect();
        let changes = book.into_changes();
        fail_point("lane.decided");
        if changes.is_empty() {
            store::control(conn, "rollback").await?;
            return Ok(Some((outcomes, false)));
        }
        store::write(conn, &changes).await.inspect_err(|reason| {
            if !reason.is_passing() {
                error!(%reason, operations = batch.len(), "a batch could not be written");
            }
        })?;
        Ok(Some((outcomes, true)))
    }

    async fn connection(&mut self) -> Result<&mut PgConnection, DbError> {
        let conn = match self.conn.take() {
            Some(conn) => conn,
            None => {
                let connected = timeout(CONNECT_LIMIT, store::connect(&self.database_url)).await;
                let connected =
                    connected.unwrap_or_else(|_| Err(DbError::Away("no connection in time".to_owned())));
                if connected.is_ok() && !self.reachable {
                    info!("Postgres is back");
                }
                self.reachable = connected.is_ok();
                connected?
            }
        };
        Ok(self.conn.insert(conn))
    }
}

/// The wallets of a batch, each once, in the order in which everybody locks them.
fn wallets_of(batch: &[&Operation]) -> Vec<WalletId> {
    let mut ids: Vec<WalletId> = batch.iter().flat_map(|operation| operation.wallets()).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}
