//! The follower of the largest transfers: it reads the log, and when a wallet has filled a block of entries, folds the
//! block into the wallet's stored lists. Every read is exact without it; it keeps reads short.
//!
//! One follows at a time, over all processes; the others stand by. It waits at the log's gate, as the relay does, so that
//! its cursor never passes a position that is still to come. Doing a stretch again changes nothing.

use std::{convert::Infallible, time::Duration};

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{
    log::{self, Log},
    store::top_transfers as store,
    top_reader::fold_tail,
    top_tails::Tails,
};
use crate::db::{Connection, DbError, in_time};

/// How often it looks. A wallet that takes ten thousand entries a second is then a dozen blocks behind.
const LOOK_AGAIN: Duration = Duration::from_millis(250);
/// How often a follower that stands by tries to lead.
const STAND_BY: Duration = Duration::from_millis(500);
/// How long it pauses after a failure.
const BACK_OFF: Duration = Duration::from_millis(1_000);
/// The maximum number of positions after which the cursor moves: a bounded statement, and a bounded repeat after a failure.
const STRETCH: i64 = 10_000;

/// Keeps the largest transfers of every wallet.
pub struct TopTransfersFollower {
    pub database_url: String,
}

impl TopTransfersFollower {
    /// Follows until `stop`, come what may.
    pub async fn run(self, stop: CancellationToken) {
        // Whatever it was about, the next one begins there again.
        stop.run_until_cancelled(self.keep_following()).await;
    }

    async fn keep_following(&self) {
        let mut is_troubled = false;
        loop {
            let Err(reason) = self.lead(&mut is_troubled).await;
            if !std::mem::replace(&mut is_troubled, true) {
                warn!(%reason, "the largest transfers are not followed; lists of them stay right and take longer");
            }
            metrics::counter!("wallet_top_transfers_interruptions_total").increment(1);
            sleep(BACK_OFF).await;
        }
    }

    /// Stands by, then leads until something fails. What was read from the log ends with the connection: the next one may
    /// lead to other books, say those of a standby that lacks the last commits.
    async fn lead(&self, is_troubled: &mut bool) -> Result<Infallible, DbError> {
        let mut conn = in_time(store::connect(&self.database_url)).await?;
        while !in_time(store::try_lead(&mut conn)).await? {
            sleep(STAND_BY).await;
        }
        let mut tails = Tails::default();
        loop {
            catch_up(&mut conn, &mut tails).await?;
            if std::mem::take(is_troubled) {
                info!("the largest transfers are followed again");
            }
            sleep(LOOK_AGAIN).await;
        }
    }
}

/// Folds every block that is full by now. The cursor is read anew each time: set back, it has everything folded again.
async fn catch_up(conn: &mut Connection, tails: &mut Tails) -> Result<(), DbError> {
    let high = in_time(log::standing(conn, Log::Entries)).await?.position;
    let mut cursor = in_time(store::cursor(conn)).await?;
    let behind = metrics::gauge!("wallet_top_transfers_behind_positions");
    if high > cursor {
        log::gate(conn, |_| ()).await?;
    }
    while cursor < high {
        #[allow(clippy::cast_precision_loss)] // far below 2^52
        behind.set((high - cursor) as f64);
        let reached = high.min(cursor + STRETCH);
        for (wallet, version, moved) in in_time(store::moved(conn, cursor, reached)).await? {
            tails.push(wallet, version, moved);
        }
        for (wallet, tail) in tails.take_full() {
            fold_tail(conn, wallet, &tail).await?;
        }
        if !in_time(store::move_cursor(conn, cursor, reached)).await? {
            // Somebody has set it back.
            return Ok(());
        }
        cursor = reached;
    }
    behind.set(0.0);
    Ok(())
}
