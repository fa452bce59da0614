//! The worker: takes payouts whose time has come, calls the bank outside any transaction, and books what it says.
//!
//! Any number of processes work at once. A claim is committed before the bank is called, and has an end: what a process held that
//! was killed or suspended, another one takes up. It asks the bank before it submits again, and submits with the same id, which is
//! one payment to the bank; the ledger books each end once. So no payout is paid twice, whatever stops in between.

use std::{sync::Arc, time::Duration};

use tokio::{
    task::JoinSet,
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{
    attempt::{Attempted, Booked, Claimed, Progress},
    bank::{Bank, BankError, BankReport},
    booking::book,
    payout::PayoutRef,
    store,
};
use crate::{
    db::{DbError, Pool},
    fail_point::fail_point,
    ledger::Ledger,
};

/// Between two looks while nothing is due.
const POLL_INTERVAL: Duration = Duration::from_millis(200);
/// What ends within this time of each other is written with one statement.
const WRITE_DELAY: Duration = Duration::from_millis(20);
/// The maximum number of payouts that a process works on at once.
const IN_FLIGHT_MAX: usize = 128;
/// How long a claim holds: longer than a question, a submission and their booking may take.
const LEASE: Duration = Duration::from_secs(45);
/// A process that was suspended calls the bank no more when less than this is left of its claim.
const CALL_MAX: Duration = Duration::from_secs(30);
/// For the calls that are under way when the process stops.
const STOP_TIMEOUT: Duration = Duration::from_secs(2);

/// Has the bank pay payouts.
pub struct PayoutWorker {
    pub db: Pool,
    pub ledger: Arc<dyn Ledger>,
    pub bank: Arc<dyn Bank>,
}

/// The payouts that this process works on.
#[derive(Default)]
struct InFlight {
    calls: JoinSet<Progress>,
    /// What is not written yet.
    ended: Vec<Progress>,
}

impl PayoutWorker {
    /// Works until `stop`, whatever fails. What it was about at its end is taken up by another process, or by the next one.
    pub async fn run(self, stop: CancellationToken) {
        let worker = Arc::new(self);
        let mut in_flight = InFlight::default();
        let mut is_troubled = false;
        while !stop.is_cancelled() {
            let claimed = match worker.turn(&mut in_flight).await {
                Ok(claimed) => {
                    if std::mem::take(&mut is_troubled) {
                        info!("payouts are worked on again");
                    }
                    claimed
                }
                Err(reason) => {
                    if !std::mem::replace(&mut is_troubled, true) {
                        warn!(%reason, "payouts are not worked on");
                    }
                    0
                }
            };
            let pause = if claimed > 0 { WRITE_DELAY } else { POLL_INTERVAL };
            tokio::select! {
                () = stop.cancelled() => break,
                () = sleep(pause) => {}
                // At once when a call ends, so that its end is written soon; what ends together is gathered.
                Some(ended) = in_flight.calls.join_next() => {
                    in_flight.ended.extend(ended.ok());
                    sleep(WRITE_DELAY).await;
                }
            }
        }
        let rest = async { while in_flight.gather_next().await {} };
        let _ = timeout(STOP_TIMEOUT, rest).await;
        let _ = store::finish(&worker.db, &in_flight.ended).await;
    }

    /// Writes what has ended and claims what is due. Answers with the number of claims.
    async fn turn(self: &Arc<Self>, in_flight: &mut InFlight) -> Result<usize, DbError> {
        in_flight.gather();
        if !in_flight.ended.is_empty() {
            store::finish(&self.db, &in_flight.ended).await?;
            in_flight.ended.clear();
            fail_point("payout.finished");
        }
        let room = IN_FLIGHT_MAX - in_flight.calls.len().min(IN_FLIGHT_MAX);
        if room == 0 {
            return Ok(0);
        }
        let since = Instant::now();
        let claimed = store::claim(&self.db, room, LEASE).await?;
        let count = claimed.len();
        if count > 0 {
            fail_point("payout.claimed");
        }
        for claimed in claimed {
            let worker = Arc::clone(self);
            in_flight.calls.spawn(async move { worker.attempt(&claimed, since).await });
        }
        Ok(count)
    }

    /// One attempt at a payout that was claimed at `since`.
    async fn attempt(&self, claimed: &Claimed, since: Instant) -> Progress {
        let id = claimed.instruction.id;
        let attempted = self.try_once(claimed, since).await;
        let progress = Progress::of(claimed, attempted);
        if progress.needs_attention {
            warn!(payout = %id, answer = progress.answer.as_deref(), "a payout needs an operator; its money stays held");
            metrics::counter!("wallet_payouts_given_up_total").increment(1);
        } else if progress.is_done {
            metrics::counter!("wallet_payouts_ended_total").increment(1);
        }
        progress
    }

    async fn try_once(&self, claimed: &Claimed, since: Instant) -> Attempted {
        if claimed.is_closed {
            return Attempted::Done;
        }
        if claimed.is_first && claimed.is_frozen {
            return Attempted::Frozen;
        }
        if since.elapsed() + CALL_MAX > LEASE {
            return Attempted::NotBooked("the process was suspended".to_owned());
        }
        let report = match self.report(claimed).await {
            Ok(report) => report,
            Err(error) => {
                let surely_unsent = claimed.is_first && matches!(error, BankError::NotSent(_));
                return Attempted::Failed { answer: error.to_string(), surely_unsent };
            }
        };
        fail_point("payout.answered");
        let payout = PayoutRef {
            id: claimed.instruction.id,
            wallet: claimed.wallet,
            amount: claimed.instruction.amount,
        };
        let booked = book(&self.ledger, payout, report).await;
        fail_point("payout.booked");
        match booked {
            Ok(Booked::Ended) => Attempted::Done,
            Ok(Booked::Open) => Attempted::Accepted,
            Ok(Booked::Contradiction(reason)) => Attempted::Contradicted(reason),
            Err(error) => Attempted::NotBooked(error.to_string()),
        }
    }

    /// What the bank says: of a payout that it may have, asked for; of any other, submitted. One that the bank does not know is
    /// submitted again with the same id: the first submission may still be on its way, and is the same payment.
    async fn report(&self, claimed: &Claimed) -> Result<BankReport, BankError> {
        let instruction = &claimed.instruction;
        if !claimed.is_first
            && let Some(report) = self.bank.find(instruction.id).await?
        {
            return Ok(report);
        }
        self.bank.submit(instruction).await
    }
}

impl InFlight {
    /// Takes what has ended so far.
    fn gather(&mut self) {
        while let Some(ended) = self.calls.try_join_next() {
            self.ended.extend(ended.ok());
        }
    }

    /// Waits for the next one. False: there is none.
    async fn gather_next(&mut self) -> bool {
        let Some(ended) = self.calls.join_next().await else { return false };
        self.ended.extend(ended.ok());
        true
    }
}
