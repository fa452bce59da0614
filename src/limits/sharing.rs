//! Shares counts with the other processes: each adds its own to sums that all can read.

use std::{sync::Arc, time::Duration};

use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::{
    class::Class,
    service::Limits,
    shared::{ShareError, SharedCounts},
};

/// Interval between two exchanges: counts of another process are missing for this long.
const SHARE_INTERVAL: Duration = Duration::from_millis(100);
/// Maximum number of counts in one exchange.
const DELTAS_PER_EXCHANGE_MAX: usize = 200;

/// Exchanges counts until `stop`. While an exchange fails, each process counts alone, and sends its counts when one
/// succeeds again.
pub async fn share(limits: Arc<Limits>, shared: Arc<dyn SharedCounts>, stop: CancellationToken) {
    let mut tick = interval(SHARE_INTERVAL);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while stop.run_until_cancelled(tick.tick()).await.is_some() {
        for class in Class::ALL {
            exchange(&limits, &*shared, class).await;
        }
    }
}

/// Exchanges all changed counts. After a failure the rest waits for the next interval.
async fn exchange(limits: &Limits, shared: &dyn SharedCounts, class: Class) {
    loop {
        let deltas = limits.take_changed(class, DELTAS_PER_EXCHANGE_MAX);
        if deltas.is_empty() {
            return;
        }
        match shared.exchange(&deltas).await {
            Ok(sums) => deltas.iter().zip(&sums).for_each(|(delta, sums)| limits.learn(delta, sums)),
            Err(error) => {
                tracing::debug!(%error, class = class.as_str(), "limits are counted in this process alone");
                let settle = match error {
                    ShareError::NotSent(_) => Limits::was_not_sent,
                    ShareError::OutcomeUnknown(_) => Limits::was_sent,
                };
                return deltas.iter().for_each(|delta| settle(limits, delta));
            }
        }
        if deltas.len() < DELTAS_PER_EXCHANGE_MAX {
            return;
        }
    }
}
