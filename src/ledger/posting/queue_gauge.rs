//! The worker that measures the posting loop's queue.

use std::time::Duration;

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::posting_loop::PostingLoop;

/// Interval between two measurements.
const MEASURE_INTERVAL: Duration = Duration::from_millis(500);

/// Updates the gauge of the queue's length until `stop`.
pub async fn run(posting_loop: PostingLoop, stop: CancellationToken) {
    let gauge = metrics::gauge!("wallet_queue_operations");
    loop {
        let (length, _) = posting_loop.queue_length();
        gauge.set(u32::try_from(length).unwrap_or(u32::MAX));
        if stop.run_until_cancelled(sleep(MEASURE_INTERVAL)).await.is_none() {
            return;
        }
    }
}
