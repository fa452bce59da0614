//! The worker that books what is due. An operation that needs due money books it by itself, so a late worker causes no refusal, and
//! a wallet is shown as if due money were booked; the worker is there for the topic and what follows it.
//!
//! One works at a time, over all processes; the others stand by. Two at once would do no harm: what is booked is closed.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use futures_util::{StreamExt, stream};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{left_out::LeftOut, store};
use crate::{
    db::{DbError, with_connection_timeout},
    kernel::{
        actor::Actor,
        ids::{OperationId, WalletId},
    },
    ledger::{
        Action, Done, Ledger, LedgerError, Operation, Refusals, Settled,
        log::{self, Leadership},
    },
};

/// Between two looks.
const POLL_INTERVAL: Duration = Duration::from_millis(200);

/// The maximum number of releases, and of holds, that one look finds and the worker then books.
const LOOK_MAX: i64 = 64;

/// The maximum number of wallets that wait in the queue at once.
const IN_FLIGHT_MAX: usize = 16;

/// A look whose items are booked in this time is followed by the next one without a pause: others do not use the loop now. So ten
/// thousand items that are due at one moment take seconds on an idle service, and do not slow the others on a busy one.
const IDLE_ROUND: Duration = Duration::from_millis(30);

/// How long a wallet is waited for.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(1);

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
        let mut left_out = LeftOut::default();
        loop {
            let find = store::due_wallets(&mut conn, LOOK_MAX, left_out.now());
            let wallets = with_connection_timeout(find).await?;
            if std::mem::take(is_troubled) {
                info!("what is due is booked again");
            }
            let since = Instant::now();
            let steps = self.settle(wallets, &mut left_out).await;
            if steps == 0 || since.elapsed() > IDLE_ROUND {
                sleep(POLL_INTERVAL).await;
            }
        }
    }

    /// Books what is due in these wallets, of each this number of items. Answers with the number of steps.
    async fn settle(&self, wallets: BTreeMap<WalletId, usize>, left_out: &mut LeftOut) -> usize {
        let settling = stream::iter(wallets).map(async |(wallet, at_most)| {
            let settled = timeout(SETTLE_TIMEOUT, self.settle_wallet(wallet, at_most)).await;
            (wallet, settled.unwrap_or_default())
        });
        let mut settling = settling.buffer_unordered(IN_FLIGHT_MAX);
        let mut steps = 0;
        while let Some((wallet, settled)) = settling.next().await {
            match settled {
                Some(settled) if settled.steps > 0 => {
                    steps += settled.steps;
                    if settled.is_more_due {
                        left_out.one_look(wallet);
                    }
                }
                // Another one has booked it meanwhile, or it can't be booked now.
                _ => left_out.failed(wallet),
            }
        }
        metrics::counter!("wallet_due_steps_total").increment(u64::try_from(steps).unwrap_or_default());
        steps
    }

    /// None: nothing could be booked.
    async fn settle_wallet(&self, wallet: WalletId, at_most: usize) -> Option<Settled> {
        let operation = Operation {
            id: OperationId::generate(),
            actor: Actor::Worker("due".to_owned()),
            wallet,
            action: Action::SettleDue { at_most },
            key: None,
            refusals: Refusals::NotStored,
        };
        match self.ledger.post(operation).await.map(|outcome| outcome.decision) {
            Ok(Ok(Done::Settled(settled))) => Some(settled),
            Err(LedgerError::Overloaded | LedgerError::Unavailable | LedgerError::OutcomeUnknown) => None,
            other => {
                warn!(%wallet, ?other, "what is due in a wallet was not booked");
                None
            }
        }
    }
}
