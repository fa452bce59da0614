//! The bank of a measurement with payouts: `wallet simulate-bank`, as slow as a real one, on the same two cores.

use std::{
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
};

use anyhow::{Context, Result};
use serde::Serialize;
use sqlx::PgConnection;
use tokio::time::{Duration, Instant, sleep};

use super::process;

/// How long the bank takes for an answer, in milliseconds.
const LATENCY_MS: u64 = 200;
/// For the payouts that are open when the load has ended.
const REST_TIMEOUT: Duration = Duration::from_secs(30);

/// A running bank; it ends when this is dropped.
pub struct Bank {
    child: Child,
    pub address: SocketAddr,
}

impl Bank {
    pub fn start(binary: &Path) -> Result<Self> {
        let address = process::free_address()?;
        let child = Command::new(binary)
            .current_dir(std::env::temp_dir())
            .args(["simulate-bank", "--addr", &address.to_string(), "--latency-ms", &LATENCY_MS.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| binary.display().to_string())?;
        Ok(Self { child, address })
    }
}

impl Drop for Bank {
    fn drop(&mut self) {
        let _killed = self.child.kill();
        let _ended = self.child.wait();
    }
}

/// What became of the payouts of a measurement.
#[derive(Clone, Debug, Serialize)]
pub struct Settled {
    pub name: &'static str,
    /// Payouts offered a second.
    pub offered: u32,
    /// Payouts that were accepted (202), a second, and the latency of the answers.
    pub requested: f64,
    pub p99_ms: f64,
    /// Payouts that the bank had paid and the books had settled, a second, while they were offered.
    pub rate: f64,
    /// From the end of the load to the end of the last payout, in milliseconds; none: some are still open.
    pub rest_ms: Option<f64>,
}

/// How many payouts are settled by now.
pub async fn settled(books: &mut PgConnection) -> Result<i64> {
    Ok(sqlx::query_scalar("select count(*) from steps where kind = 13").fetch_one(books).await?)
}

/// Waits until no payout is open; none: some still are.
pub async fn rest(books: &mut PgConnection) -> Result<Option<f64>> {
    let since = Instant::now();
    loop {
        let open: i64 = sqlx::query_scalar("select count(*) from payouts where closed_by is null")
            .fetch_one(&mut *books)
            .await?;
        if open == 0 {
            return Ok(Some(since.elapsed().as_secs_f64() * 1_000.0));
        }
        if since.elapsed() > REST_TIMEOUT {
            return Ok(None);
        }
        sleep(Duration::from_millis(50)).await;
    }
}
