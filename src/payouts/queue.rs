//! How many payouts wait, counted each second, so that no more are let in than the bank can be expected to pay soon.

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::{error::PayoutError, store};
use crate::db::Pool;

const COUNT_INTERVAL: Duration = Duration::from_secs(1);

/// The payouts that wait, of all processes.
#[derive(Debug)]
pub struct PayoutQueue {
    /// None: there is no bank.
    max: Option<i64>,
    waiting: AtomicI64,
}

impl PayoutQueue {
    /// A queue of at most `max` payouts.
    #[must_use]
    pub fn new(max: usize) -> Self {
        Self { max: Some(i64::try_from(max).unwrap_or(i64::MAX)), waiting: AtomicI64::new(0) }
    }

    /// No bank is configured: no payout is let in.
    #[must_use]
    pub const fn closed() -> Self {
        Self { max: None, waiting: AtomicI64::new(0) }
    }

    /// Whether another payout may be requested. The count is at most a second old.
    pub fn admit(&self) -> Result<(), PayoutError> {
        let max = self.max.ok_or(PayoutError::NoBank)?;
        if self.waiting.load(Ordering::Relaxed) < max { Ok(()) } else { Err(PayoutError::Overloaded) }
    }

    /// Counts until `stop`. While Postgres cannot be asked, the last count stays.
    pub async fn count(&self, db: Pool, stop: CancellationToken) {
        let Some(max) = self.max else { return stop.cancelled().await };
        let counting = async {
            loop {
                if let Ok(waiting) = store::waiting(&db, max).await {
                    self.waiting.store(waiting, Ordering::Relaxed);
                    #[allow(clippy::cast_precision_loss)] // far below 2^52
                    metrics::gauge!("wallet_payouts_waiting").set(waiting as f64);
                }
                sleep(COUNT_INTERVAL).await;
            }
        };
        stop.run_until_cancelled(counting).await;
    }
}
