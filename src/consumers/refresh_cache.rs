//! Keeps the balance cache as fresh as the topic.

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

/// The first pause after the cache could not be written; each further one is twice as long.
const PAUSE_MIN: Duration = Duration::from_millis(50);
/// The longest.
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// Writes what events tell into the balance cache.
pub struct RefreshCache {
    cache: Arc<dyn BalanceCache>,
    /// Reads the wallets of which a message is missing.
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

    /// Writes the parts, however long that takes; answers with what was known of each before. Meanwhile the group does not
    /// come on, and the cache's lease ends.
    async fn write(&self, parts: &[(WalletId, ViewPart)]) -> Vec<KnownBefore> {
        let mut pause = PAUSE_MIN;
        loop {
            match self.cache.refresh(parts).await {
                Ok(known) => return known,
                Err(error) => {
                    tracing::debug!(%error, parts = parts.len(), "the cache waits for its refresh");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(PAUSE_MAX);
                }
            }
        }
    }

    /// A message is missing: that is a defect before us, and these wallets are read from the books. A Postgres that is
    /// away costs nothing but the rest of a doubt, as what came has been written.
    async fn mend(&self, gaps: &[Gap]) {
        self.gaps.report(gaps);
        let mut wallets: Vec<WalletId> = gaps.iter().map(|gap| gap.wallet).collect();
        wallets.sort_unstable();
        wallets.dedup();
        if let Err(error) = self.fill.refill(&wallets).await {
            tracing::warn!(%error, wallets = wallets.len(), "wallets with missing messages were not read from the books");
        }
    }

    /// Counts how old changes are when they reach the cache.
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
                // What the books have lost since: a later generation says otherwise.
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
                self.mend(&batch.gaps).await;
            }
            self.measure(&changes);
        }
        poison
    }
}
