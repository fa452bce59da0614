//! The worker that deletes sessions that have expired, and revocations whose tokens have.

use std::time::Duration;

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::info;

use super::store;
use crate::db::Pool;

/// Interval between two sweeps.
const SWEEP_INTERVAL: Duration = Duration::from_secs(300);

/// Deletes them until `stop`, in small steps.
pub async fn run(db: Pool, stop: CancellationToken) {
    while stop.run_until_cancelled(sleep(SWEEP_INTERVAL)).await.is_some() {
        let mut swept = 0;
        // After an error the next sweep continues.
        while let Ok(some @ 1..) = store::sweep(&db).await {
            swept += some;
            if stop.is_cancelled() {
                break;
            }
        }
        if swept > 0 {
            info!(swept, "sessions and revocations that have expired were deleted");
        }
    }
}
