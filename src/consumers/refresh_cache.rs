//! Writes events into the balance cache.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;

use super::{
    decode::{Change, decode},
    gaps::{Gap, GapLog, VersionRuns},
};
use crate::{
    accounts::CacheFill,
    cache::{BalanceCache, Freshness, KnownBefore, ViewPart},
    events::bus::{Consumer, Message, Poison},
    kernel::{clock::Clock, ids::WalletId},
};

/// Delay before the first retry of a write; it doubles with each retry.
const RETRY_DELAY_MIN: Duration = Duration::from_millis(50);
/// Its maximum.
const RETRY_DELAY_MAX: Duration = Duration::from_secs(1);

/// Writes events into the balance cache.
pub struct RefreshCache {
    cache: Arc<dyn BalanceCache>,
    /// Reads from the books the wallets with missing messages.
    fill: Arc<dyn CacheFill>,
    clock: Arc<dyn Clock>,
    /// Knows the books' generation.
    freshness: Arc<Freshness>,
    gaps: GapLog,
}

impl RefreshCache {
    /// A refresher of this cache.
    #[must_use]
    pub fn new(
        cache: Arc<dyn BalanceCache>,
        fill: Arc<dyn CacheFill>,
        clock: Arc<dyn Clock>,
        freshness: Arc<Freshness>,
    ) -> Self {
        Self { cache, fill, clock, freshness, gaps: GapLog::default() }
    }

    /// Writes the parts, and retries without end; returns the version of each that was cached before. Meanwhile the group
    /// makes no progress, and the cache's lease ends.
    async fn write(&self, parts: &[(WalletId, ViewPart)]) -> Vec<KnownBefore> {
        let mut delay = RETRY_DELAY_MIN;
        loop {
            match self.cache.refresh(parts).await {
                Ok(known) => return known,
                Err(error) => {
                    tracing::debug!(%error, parts = parts.len(), "the cache was not refreshed; retrying");
                    tokio::time::sleep(delay).await;
                    delay = (delay * 2).min(RETRY_DELAY_MAX);
                }
            }
        }
    }

    /// Reads wallets with missing messages from the books: the messages were lost before the refresher. If Postgres is
    /// unavailable, the parts that did arrive are written all the same.
    async fn read_from_books(&self, gaps: &[Gap]) {
        self.gaps.report(gaps);
        let mut wallets: Vec<WalletId> = gaps.iter().map(|gap| gap.wallet).collect();
        wallets.sort_unstable();
        wallets.dedup();
        if let Err(error) = self.fill.refill(&wallets).await {
            tracing::warn!(%error, wallets = wallets.len(), "wallets with missing messages were not read from the books");
        }
    }

    /// Records the age of changes when they reach the cache.
    fn measure(&self, changes: &[Change]) {
        let now = self.clock.now();
        let ages = metrics::histogram!("wallet_cache_refresh_age_seconds");
        for change in changes {
            ages.record((now - change.occurred_at).to_std().unwrap_or_default());
        }
        metrics::counter!("wallet_cache_refreshed_total").increment(changes.len() as u64);
    }
}

#[async_trait]
impl Consumer for RefreshCache {
    async fn consume(&self, messages: &[Message]) -> Vec<(usize, Poison)> {
        let mut changes = Vec::with_capacity(messages.len());
        let mut poison = Vec::new();
        for (index, message) in messages.iter().enumerate() {
            match decode(message) {
                // Of a history that the books have lost.
                Ok(change) if change.generation < self.freshness.generation() => {}
                Ok(change) => changes.push(change),
                Err(reason) => poison.push((index, reason)),
            }
        }
        if !changes.is_empty() {
            let mut batch = VersionRuns::of(&changes);
            let known = self.write(&batch.newest()).await;
            batch.compare(&known);
            if !batch.gaps.is_empty() {
                self.read_from_books(&batch.gaps).await;
            }
            self.measure(&changes);
        }
        poison
    }
}
