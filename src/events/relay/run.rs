//! From standing by to leading, and from a failure to the next attempt.

use std::time::Duration;

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{
    interrupted::Interrupted,
    leader::Leader,
    parts::{Progress, Relay},
};
use crate::{
    db::{Connection, with_connection_timeout},
    kernel::books::LogMark,
    ledger::log::{self, Follower},
};

/// Between two looks at the log without a notice of this process's posting loop: other processes write too.
const POLL_INTERVAL: Duration = Duration::from_millis(50);
/// The maximum time that a relay which is to stop goes on publishing what is in the books.
const DRAIN_TIMEOUT: Duration = Duration::from_millis(3_000);

impl Relay {
    /// Relays until `stop`, whatever fails; then publishes what is in the books, for [`DRAIN_TIMEOUT`] at most.
    pub async fn run(self, stop: CancellationToken) {
        let cut_off = async {
            stop.cancelled().await;
            sleep(DRAIN_TIMEOUT).await;
        };
        tokio::select! {
            () = self.keep_relaying(&stop) => {}
            // What is not published by now, the next relay finds beyond the cursor.
            () = cut_off => {}
        }
    }

    async fn keep_relaying(&self, stop: &CancellationToken) {
        let mut progress = Progress::default();
        while !stop.is_cancelled() {
            match self.lead(stop, &mut progress).await {
                Ok(()) => return,
                Err(Interrupted::NewGeneration(generation)) => {
                    info!(
                        log = self.log.name(),
                        generation, "the relay goes on in the books' new generation"
                    );
                }
                Err(reason) => {
                    if let Interrupted::History(other) = &reason {
                        self.ask_operator(other, &mut progress);
                    } else if !std::mem::replace(&mut progress.is_troubled, true) {
                        warn!(log = self.log.name(), %reason, "the relay stopped and begins again at the first row not confirmed");
                    }
                    metrics::counter!("wallet_relay_interruptions_total", "log" => self.log.name())
                        .increment(1);
                    log::back_off(stop).await;
                }
            }
        }
    }

    /// Stands by, then leads until something fails or the relay is to stop.
    async fn lead(&self, stop: &CancellationToken, progress: &mut Progress) -> Result<(), Interrupted> {
        let mut conn = with_connection_timeout(Follower::relay(self.log).connect(&self.database_url)).await?;
        let Some(start) = self.first_position(&mut conn, stop).await? else { return Ok(()) };
        let mut leader = Leader::new(self, conn, start, progress);
        loop {
            let is_last_round = stop.is_cancelled();
            leader.catch_up().await?;
            if is_last_round {
                return Ok(());
            }
            tokio::select! {
                () = self.committed.notified() => {}
                () = sleep(POLL_INTERVAL) => {}
                () = stop.cancelled() => {}
            }
        }
    }

    /// The mark after which this relay publishes, once it leads. None: it was to stop before.
    async fn first_position(
        &self,
        conn: &mut Connection,
        stop: &CancellationToken,
    ) -> Result<Option<LogMark>, Interrupted> {
        if !self.bus.is_durable() {
            // Nothing outlives this process on such a bus, so every process begins with the present. What is committed
            // behind the barrier is in every read that comes later.
            let present = with_connection_timeout(log::standing(conn, self.log)).await?;
            log::barrier(conn, |_| ()).await?;
            return Ok(Some(present));
        }
        if !Follower::relay(self.log).lead(conn, stop).await? {
            return Ok(None);
        }
        let cursor = self.check_history(conn).await?;
        self.state.unblock(self.log);
        info!(log = self.log.name(), topic = self.topic, "this process relays");
        Ok(Some(cursor))
    }
}
