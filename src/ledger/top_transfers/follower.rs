//! The follower of the largest transfers: it reads the log, and when a wallet has filled a block of entries, folds the
//! block into the wallet's stored lists. Every read is exact without it; it keeps reads short.
//!
//! One follows at a time, over all processes; the others stand by. It waits at the log's barrier, as the relay does, so that
//! its cursor never passes a position that is still to come. Doing a stretch again changes nothing.

use std::time::Duration;

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{pending::Pending, reader::fold_pending, store};
use crate::{
    db::{Connection, DbError, with_connection_timeout},
    ledger::log::{self, Follower, Log},
};

/// Between two looks at the log. A wallet that takes ten thousand entries a second is then a dozen blocks behind.
const POLL_INTERVAL: Duration = Duration::from_millis(250);
/// The maximum number of positions after which the cursor moves: a bounded statement, and a bounded repeat after a failure.
const CATCH_UP_BATCH: i64 = 10_000;

/// Keeps the largest transfers of every wallet.
pub struct TopTransfersFollower {
    pub database_url: String,
}

impl TopTransfersFollower {
    /// Follows until `stop`, whatever fails. What it was about at its end, the next one begins with.
    pub async fn run(self, stop: CancellationToken) {
        stop.run_until_cancelled(self.keep_following(&stop)).await;
    }

    async fn keep_following(&self, stop: &CancellationToken) {
        let mut is_troubled = false;
        loop {
            let Err(reason) = self.lead(&mut is_troubled, stop).await else { return };
            if !std::mem::replace(&mut is_troubled, true) {
                warn!(%reason, "the largest transfers are not followed; lists of them stay right and take longer");
            }
            metrics::counter!("wallet_top_transfers_interruptions_total").increment(1);
            log::back_off(stop).await;
        }
    }

    /// Stands by, then leads until something fails; ends well only by `stop`. What was read from the log ends with the connection: the next one may
    /// lead to other books, say those of a standby that lacks the last commits.
    async fn lead(&self, is_troubled: &mut bool, stop: &CancellationToken) -> Result<(), DbError> {
        let mut conn = with_connection_timeout(Follower::TOP_TRANSFERS.connect(&self.database_url)).await?;
        if !Follower::TOP_TRANSFERS.lead(&mut conn, stop).await? {
            return Ok(());
        }
        let mut pending = Pending::default();
        loop {
            catch_up(&mut conn, &mut pending).await?;
            if std::mem::take(is_troubled) {
                info!("the largest transfers are followed again");
            }
            sleep(POLL_INTERVAL).await;
        }
    }
}

/// Folds every full block. The cursor is read each time: an operator who sets it back has everything folded again.
async fn catch_up(conn: &mut Connection, pending: &mut Pending) -> Result<(), DbError> {
    let high = with_connection_timeout(log::standing(conn, Log::Entries)).await?.position;
    let mut cursor = with_connection_timeout(Follower::TOP_TRANSFERS.position_or_begin(conn)).await?;
    let behind = metrics::gauge!("wallet_top_transfers_behind_positions");
    if high > cursor {
        log::barrier(conn, |_| ()).await?;
    }
    while cursor < high {
        #[allow(clippy::cast_precision_loss)] // far below 2^52
        behind.set((high - cursor) as f64);
        let reached = high.min(cursor + CATCH_UP_BATCH);
        for (wallet, version, moved) in with_connection_timeout(store::moved(conn, cursor, reached)).await? {
            pending.push(wallet, version, moved);
        }
        for (wallet, entries) in pending.take_full() {
            fold_pending(conn, wallet, &entries).await?;
        }
        if !with_connection_timeout(Follower::TOP_TRANSFERS.move_from(conn, cursor, reached)).await? {
            return Ok(());
        }
        cursor = reached;
    }
    behind.set(0.0);
    Ok(())
}
