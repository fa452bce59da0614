//! The worker that deletes refresh tokens and sessions that have expired, and revocations whose tokens have.

use std::time::Duration;

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::store;
use crate::db::Pool;

/// Interval between two sweeps.
const SWEEP_INTERVAL: Duration = Duration::from_secs(300);

/// Deletes them until `stop`, in small steps.
pub async fn run(db: Pool, stop: CancellationToken) {
    while stop.run_until_cancelled(sleep(SWEEP_INTERVAL)).await.is_some() {
        let mut swept = 0;
        for sql in store::SWEEPS {
            swept += sweep(&db, sql, &stop).await;
        }
        if swept > 0 {
            info!(swept, "refresh tokens, sessions and revocations that have expired were deleted");
        }
    }
}

async fn sweep(db: &Pool, sql: &'static str, stop: &CancellationToken) -> u64 {
    let mut swept = 0;
    while !stop.is_cancelled() {
        match store::sweep(db, sql).await {
            Ok(0) => break,
            Ok(some) => swept += some,
            // The next sweep continues.
            Err(reason) => {
                warn!(%reason, "expired sessions were not deleted");
                break;
            }
        }
    }
    swept
}
