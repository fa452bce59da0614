//! Counting together with the other processes: each adds what it has counted to sums that all can read.

use std::{sync::Arc, time::Duration};

use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::{
    class::Class,
    service::Limits,
    shared::{ShareError, SharedCounts},
};

/// How often the counts are exchanged: for this long a process does not know what another one counts.
const SHARE_EVERY: Duration = Duration::from_millis(100);
/// Maximum number of counts in one exchange.
const CHUNK: usize = 200;

/// Exchanges counts until `stop`. Where the others cannot be reached, each process counts alone, and what it has counted is
/// sent when they can be reached again.
pub async fn share(limits: Arc<Limits>, shared: Arc<dyn SharedCounts>, stop: CancellationToken) {
    let mut tick = interval(SHARE_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while stop.run_until_cancelled(tick.tick()).await.is_some() {
        for class in Class::ALL {
            exchange(&limits, &*shared, class).await;
        }
    }
}

/// Exchanges all that has changed, unless an exchange fails: then the rest waits for the next time.
async fn exchange(limits: &Limits, shared: &dyn SharedCounts, class: Class) {
    loop {
        let deltas = limits.take_changed(class, CHUNK);
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
        if deltas.len() < CHUNK {
            return;
        }
    }
}
