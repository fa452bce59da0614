//! Reads new revocations, twice a second.

use std::{sync::Arc, time::Duration};

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{revocations::Revocations, store};
use crate::{
    db::{DbError, Pool},
    kernel::clock::{Clock, Timestamp},
};

/// Interval between two reads.
const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// How far back a look begins before the last one: rows are committed in another order than they are written.
const OVERLAP: chrono::TimeDelta = chrono::TimeDelta::seconds(10);

/// One read in this number reads everything: a commit that waited for a standby comes later than [`OVERLAP`] allows for.
const FULL_READ_EVERY: u32 = 120;

/// Keeps the revocations of this process up to date.
#[derive(Clone)]
pub struct RevocationWorker {
    pub db: Pool,
    pub revocations: Arc<Revocations>,
    pub clock: Arc<dyn Clock>,
}

impl RevocationWorker {
    /// Reads all that are in force. Before it, no token may be accepted.
    pub async fn load(&self) -> Result<Timestamp, DbError> {
        self.look(Timestamp::UNIX_EPOCH).await
    }

    /// Reads what is new, until `stop`. A process that cannot reach Postgres accepts for the lifetime of an access token what others revoke.
    pub async fn run(self, stop: CancellationToken) {
        stop.run_until_cancelled(self.keep_looking()).await;
    }

    async fn keep_looking(&self) {
        let (mut last, mut is_troubled) = (Timestamp::UNIX_EPOCH, false);
        for read in (0..FULL_READ_EVERY).cycle() {
            match self.look(if read == 0 { Timestamp::UNIX_EPOCH } else { last }).await {
                Ok(now) => {
                    last = now - OVERLAP;
                    if std::mem::take(&mut is_troubled) {
                        info!("revocations are read again");
                    }
                }
                Err(reason) => {
                    if !std::mem::replace(&mut is_troubled, true) {
                        warn!(%reason, "revocations of other processes are not read");
                    }
                }
            }
            sleep(POLL_INTERVAL).await;
        }
    }

    /// Answers with Postgres' time, by which rows are stamped.
    async fn look(&self, since: Timestamp) -> Result<Timestamp, DbError> {
        let (now, new) = store::revocations_since(&self.db, since).await?;
        self.revocations.learn(new, self.clock.now());
        Ok(now)
    }
}
