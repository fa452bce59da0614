//! The worker that books what is due. An operation that needs due money books it by itself, so a late worker causes no refusal;
//! the worker is there for readers.
//!
//! One works at a time, over all processes; the others stand by. Two at once would do no harm: what is booked is closed.

use std::{sync::Arc, time::Duration};

use futures_util::{StreamExt, stream};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::store;
use crate::{
    db::{DbError, with_connection_timeout},
    kernel::{
        actor::Actor,
        ids::{OperationId, WalletId},
    },
    ledger::{
        Action, Done, Ledger, LedgerError, Operation, Refusals,
        log::{self, Leadership},
    },
};

/// Between two looks: what is due is booked within a second.
const POLL_INTERVAL: Duration = Duration::from_millis(200);

/// The maximum number of releases that one look finds.
const LOOK_MAX: i64 = 1_000;

/// The maximum number of wallets that wait in the queue at once: a small part of a batch, so that ten thousand due wallets do
/// not slow everybody else.
const IN_FLIGHT_MAX: usize = 16;

/// Books what is due in every wallet.
pub struct DueWorker {
    pub database_url: String,
    pub ledger: Arc<dyn Ledger>,
}

impl DueWorker {
    /// Works until `stop`, whatever fails. What it was about at its end, the next one begins with.
    pub async fn run(self, stop: CancellationToken) {
        stop.run_until_cancelled(self.keep_working(&stop)).await;
    }

    async fn keep_working(&self, stop: &CancellationToken) {
        let mut is_troubled = false;
        loop {
            let Err(reason) = self.lead(&mut is_troubled, stop).await else { return };
            if !std::mem::replace(&mut is_troubled, true) {
                warn!(%reason, "what is due is booked by the operations that need it, and by no worker");
            }
            if !log::back_off(stop).await {
                return;
            }
        }
    }

    /// Ends without an error only when `stop` came.
    async fn lead(&self, is_troubled: &mut bool, stop: &CancellationToken) -> Result<(), DbError> {
        let mut conn = with_connection_timeout(Leadership::DUE.connect(&self.database_url)).await?;
        if !Leadership::DUE.lead(&mut conn, stop).await? {
            return Ok(());
        }
        loop {
            let wallets = with_connection_timeout(store::due_wallets(&mut conn, LOOK_MAX)).await?;
            if std::mem::take(is_troubled) {
                info!("what is due is booked again");
            }
            if wallets.is_empty() {
                sleep(POLL_INTERVAL).await;
            } else if !self.settle(&wallets).await {
                // The posting loop is busy, or Postgres is: those who pay come first.
                sleep(POLL_INTERVAL).await;
            }
        }
    }

    /// Books what is due in these wallets, up to the first failure. Whether there was none.
    async fn settle(&self, wallets: &[WalletId]) -> bool {
        let settling = stream::iter(wallets.iter().copied()).map(|wallet| self.settle_wallet(wallet));
        settling.buffer_unordered(IN_FLIGHT_MAX).all(async |is_settled| is_settled).await
    }

    async fn settle_wallet(&self, wallet: WalletId) -> bool {
        let operation = Operation {
            id: OperationId::generate(),
            actor: Actor::Worker("due".to_owned()),
            wallet,
            action: Action::SettleDue,
            key: None,
            refusals: Refusals::NotStored,
        };
        match self.ledger.post(operation).await.map(|outcome| outcome.decision) {
            Ok(Ok(Done::Settled(settled))) => {
                metrics::counter!("wallet_due_steps_total")
                    .increment(u64::try_from(settled.steps).unwrap_or_default());
                true
            }
            Err(LedgerError::Overloaded | LedgerError::Unavailable | LedgerError::OutcomeUnknown) => false,
            other => {
                warn!(%wallet, ?other, "what is due in a wallet was not booked");
                false
            }
        }
    }
}
