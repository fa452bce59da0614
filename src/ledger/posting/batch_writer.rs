//! The batch writer: one connection to Postgres, and a batch on it. Begin, lock, read the prior state, decide, write, commit; and
//! the ways out when one of these fails.

use sqlx::PgConnection;
use tokio::{
    sync::OwnedSemaphorePermit,
    time::{Instant, sleep, timeout, timeout_at},
};
use tracing::{Span, error, info, warn};

use super::{
    batch_clock::BatchClock,
    batch_end::{Decided, Failure, Halt, Lost, Report, Run},
    blockers::{Blockers, Step},
    left_out::without,
    locking::{Locking, lock_wallets, watched},
    spans::millis,
    store,
    time_limits::{
        BUSY_RETRIES, COMMIT_RESOLUTION_TIMEOUT, COMMIT_TIMEOUT, CONNECT_TIMEOUT, MIN_ATTEMPT, RETRY_DELAY,
        WORK_TIMEOUT,
    },
};
use crate::{
    db::DbError,
    fail_point::fail_point,
    ledger::{book::Book, operation::Operation},
};

/// One connection of the loop's own, made again when it is lost.
pub(super) struct BatchWriter {
    database_url: String,
    clock: BatchClock,
    conn: Option<PgConnection>,
    /// Whether Postgres served at the last attempt. The first batch that misses it tries on until its limit; those
    /// behind it get one attempt each, so that they are answered in time.
    serves: bool,
    /// Only on the writer for blocked operations: names the sessions that hold them up.
    blockers: Option<Blockers>,
    /// The session of `conn`, where there are `blockers`.
    session: i32,
}

impl BatchWriter {
    pub(super) fn new(database_url: String, clock: BatchClock) -> Self {
        Self { database_url, clock, conn: None, serves: true, blockers: None, session: 0 }
    }

    /// A writer for operations that another session holds up.
    pub(super) fn for_blocked(database_url: String, clock: BatchClock) -> Self {
        let blockers = Some(Blockers::new(database_url.clone()));
        Self { blockers, ..Self::new(database_url, clock) }
    }

    /// Decides and commits a batch, whole or not at all but for what is left out; its oldest operation waits since
    /// `since`. `locking` changes to [`Locking::Free`] when a wallet could not be had in time. `pre_commit_permit` is given up when the
    /// commit is sent: from then on another batch may go on beside this one.
    pub(super) async fn post(
        &mut self,
        batch: &[&Operation],
        since: Instant,
        locking: &mut Locking,
        pre_commit_permit: &mut Option<OwnedSemaphorePermit>,
    ) -> Report {
        let give_up_at = (since + WORK_TIMEOUT).max(Instant::now() + MIN_ATTEMPT);
        let mut lost: Option<Lost<'_>> = None;
        let mut first_sent_at = None;
        let mut busy = 0;
        let served = self.serves;
        let failed = |failure| Report { left_out: Vec::new(), result: Err(failure) };
        loop {
            // The first loss counts: a second lost commit makes no caller wait longer.
            let deadline = first_sent_at.map_or(give_up_at, |sent_at| sent_at + COMMIT_RESOLUTION_TIMEOUT);
            let (operations, how) = match &lost {
                // Nothing is left out: a wallet may be held by our own old session, whose end decides what became of the commit.
                Some(lost) => (lost.operations.as_slice(), Locking::InLine),
                None => (batch, *locking),
            };
            let mut is_refuted = false;
            let run =
                self.run(operations, how, lost.as_ref(), &mut is_refuted, deadline, pre_commit_permit).await;
            let halt = match run {
                Run::Done(Decided { outcomes, left_out, .. }) => {
                    self.serves_again();
                    let left_out = lost.map_or(left_out, |lost| lost.decided.left_out);
                    return Report { left_out, result: Ok(outcomes) };
                }
                Run::CommitLost { decided, sent_at, refusal } => {
                    let operations = decided.outcomes.len();
                    warn!(operations, "a commit was lost; asking Postgres what became of it");
                    metrics::counter!("wallet_commits_lost_total").increment(1);
                    first_sent_at.get_or_insert(sent_at);
                    lost = Some(match lost {
                        Some(Lost { operations, decided: Decided { left_out, .. }, .. }) => {
                            Lost { operations, decided: Decided { left_out, ..decided }, refusal }
                        }
                        None => {
                            let operations = without(batch, &decided.left_out).into_owned();
                            Lost { operations, decided, refusal }
                        }
                    });
                    continue;
                }
                Run::Halted(halt) => halt,
            };
            if is_refuted {
                // The lost commit did not take place and never will: the batch is as any other.
                lost = None;
            }
            if let Some(Lost { decided, .. }) = &mut lost {
                if Instant::now() + RETRY_DELAY > deadline {
                    let left_out = std::mem::take(&mut decided.left_out);
                    return Report { left_out, result: Err(Failure::OutcomeUnknown) };
                }
                sleep(RETRY_DELAY).await;
                continue;
            }
            match halt {
                Halt::AtLocks(_) if *locking != Locking::Free => *locking = Locking::Free,
                Halt::AtWrite => return failed(Failure::Stuck),
                Halt::Undated => return failed(Failure::Unavailable),
                Halt::AtLocks(reason) | Halt::Db(DbError::Contention(reason) | DbError::Locked(reason)) => {
                    busy += 1;
                    metrics::counter!("wallet_batches_rerun_total").increment(1);
                    if busy > BUSY_RETRIES || Instant::now() > deadline {
                        warn!(reason, "a batch was given up: other transactions stay in its way");
                        return failed(Failure::Unavailable);
                    }
                }
                Halt::Db(DbError::Defect(reason)) => return failed(Failure::Defect(reason)),
                Halt::Db(passing) => {
                    if !served || Instant::now() + RETRY_DELAY > deadline {
                        self.serves_no_more(&passing);
                        return failed(Failure::Unavailable);
                    }
                    sleep(RETRY_DELAY).await;
                }
            }
        }
    }

    fn serves_again(&mut self) {
        if !std::mem::replace(&mut self.serves, true) {
            info!("Postgres serves again");
        }
    }

    /// Said once, until it serves again.
    fn serves_no_more(&mut self, reason: &DbError) {
        if !std::mem::replace(&mut self.serves, false) {
            return;
        }
        match reason {
            DbError::Misconfigured(_) => error!(%reason, "money cannot move"),
            _ => warn!(%reason, "money cannot move"),
        }
    }

    /// Runs over a batch once. `lost` is an earlier run: if its commit took place after all, its outcomes are the answer;
    /// if it did not, that is noted.
    async fn run(
        &mut self,
        batch: &[&Operation],
        locking: Locking,
        lost: Option<&Lost<'_>>,
        is_refuted: &mut bool,
        deadline: Instant,
        pre_commit_permit: &mut Option<OwnedSemaphorePermit>,
    ) -> Run {
        let prepared = timeout_at(deadline, self.prepare(batch, locking, lost, is_refuted)).await;
        let prepared =
            prepared.unwrap_or_else(|_| Err(DbError::Unavailable("no answer in time".to_owned()).into()));
        let decided = match prepared {
            Ok(decided) => decided,
            Err(halt) => {
                // Whatever state the connection is in: a new one is in a known state. Its end rolls back. After a lock
                // timeout the state is known, and the next run comes at once.
                if !halt.leaves_a_sound_session() || !self.rolls_back().await {
                    self.conn = None;
                }
                return Run::Halted(halt);
            }
        };
        let Some(conn) = self.conn.as_mut().filter(|_| decided.proof.is_some()) else {
            return Run::Done(decided);
        };
        fail_point("batch.before_commit");
        let sent_at = Instant::now();
        *pre_commit_permit = None;
        let committed = timeout(COMMIT_TIMEOUT, store::control(conn, "commit")).await;
        metrics::histogram!("wallet_commit_seconds").record(sent_at.elapsed());
        Span::current().record("commit_ms", millis(sent_at.elapsed()));
        fail_point("batch.committed");
        match committed {
            Ok(Ok(())) => Run::Done(decided),
            // Even a refusal in words may come after the commit (a server that shuts down while a standby has not
            // confirmed): only the books say what became of it.
            failed => {
                self.conn = None;
                let refusal = failed.ok().and_then(Result::err);
                if let Some(reason) = &refusal {
                    warn!(%reason, "the commit failed");
                }
                Run::CommitLost { decided, sent_at, refusal }
            }
        }
    }

    /// Everything before the commit. Where there is nothing to commit the transaction is over.
    async fn prepare(
        &mut self,
        batch: &[&Operation],
        locking: Locking,
        lost: Option<&Lost<'_>>,
        is_refuted: &mut bool,
    ) -> Result<Decided, Halt> {
        let (clock, session) = (self.clock.clone(), self.connected().await?);
        let Self { conn: Some(conn), blockers, .. } = self else {
            return Err(DbError::Unavailable("no connection".to_owned()).into());
        };
        store::control(conn, "begin").await?;
        fail_point("batch.begun");
        let locking_since = Instant::now();
        let (wallets, left_out) = lock_wallets(conn, batch, locking, blockers, session).await?;
        metrics::histogram!("wallet_lock_seconds").record(locking_since.elapsed());
        Span::current().record("lock_ms", millis(locking_since.elapsed()));
        fail_point("batch.locked");
        if let Some(Lost { decided: Decided { outcomes, proof: Some(proof), .. }, refusal, .. }) = lost {
            if store::is_committed(conn, proof).await? {
                store::control(conn, "rollback").await?;
                info!("the lost commit had taken place");
                return Ok(Decided { outcomes: outcomes.clone(), left_out, proof: None });
            }
            *is_refuted = true;
            if let Some(refusal @ DbError::Defect(_)) = refusal {
                // For an operation's sake: the same commit would be refused again.
                return Err(refusal.clone().into());
            }
            info!("the lost commit had not taken place; running the batch again");
        }
        let batch = &without(batch, &left_out);
        let (prior, postgres_time) = store::prior_state(conn, store::PRIOR_STATE, wallets, batch).await?;
        fail_point("batch.read");
        let now = clock.time(postgres_time, async || store::clock_accepted_at(conn).await).await?;
        let now = now.ok_or(Halt::Undated)?;
        let mut book = Book::new(prior);
        let outcomes = batch.iter().map(|operation| book.apply(operation, now)).collect();
        let changes = book.into_changes();
        let decided = Decided { outcomes, left_out, proof: changes.proof() };
        fail_point("batch.decided");
        if decided.proof.is_none() {
            store::control(conn, "rollback").await?;
            return Ok(decided);
        }
        let step = store::write(conn, &changes);
        let written = match batch.first() {
            Some(first) => watched(blockers, session, (first.wallet, Step::Write), step).await,
            None => step.await,
        };
        written.map_err(|reason| {
            if !reason.is_transient() {
                error!(%reason, operations = batch.len(), "a batch could not be written");
            }
            Halt::at_write(reason)
        })?;
        Ok(decided)
    }

    /// Whether the connection is good for another transaction.
    async fn rolls_back(&mut self) -> bool {
        let Some(conn) = &mut self.conn else { return false };
        matches!(timeout(MIN_ATTEMPT, store::control(conn, "rollback")).await, Ok(Ok(())))
    }

    /// Connects where there is no connection. Answers with its session, where there are `blockers`.
    async fn connected(&mut self) -> Result<i32, DbError> {
        if self.conn.is_none() {
            let connected = timeout(CONNECT_TIMEOUT, store::connect(&self.database_url)).await;
            let mut conn = connected
                .unwrap_or_else(|_| Err(DbError::Unavailable("no connection in time".to_owned())))?;
            if self.blockers.is_some() {
                self.session = store::session_id(&mut conn).await?;
            }
            self.conn = Some(conn);
        }
        Ok(self.session)
    }
}
