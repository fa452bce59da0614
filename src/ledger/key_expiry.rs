//! The worker that deletes expired keys: those of refusals, a day after they were stored.

use std::time::Duration;

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::info;

use super::posting::store::sweep_keys;
use crate::db::Pool;

/// Interval between two sweeps.
const SWEEP_INTERVAL: Duration = Duration::from_secs(60);

/// Deletes expired keys until `stop`, in small steps, so that no transaction waits for it.
pub async fn run(db: Pool, stop: CancellationToken) {
    while stop.run_until_cancelled(sleep(SWEEP_INTERVAL)).await.is_some() {
        let mut swept = 0;
        // After an error the next sweep continues.
        while let Ok(some @ 1..) = sweep_keys(&db).await {
            swept += some;
            if stop.is_cancelled() {
                break;
            }
        }
        if swept > 0 {
            info!(swept, "expired keys of refusals were deleted");
        }
    }
}
