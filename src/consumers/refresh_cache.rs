//! Keeps the balance cache as fresh as the topic.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;

use super::decode::{Change, decode};
use crate::{
    cache::{BalanceCache, Freshness, ViewPart},
    events::bus::{Consumer, Message, Poison},
    kernel::{
        clock::{Clock, Timestamp},
        ids::WalletId,
    },
};

/// The first pause after the cache could not be written; each further one is twice as long.
const PAUSE_MIN: Duration = Duration::from_millis(50);
/// The longest.
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// Nothing waits for the cache.
const NOTHING: i64 = i64::MAX;
/// So far behind counts the cache, in milliseconds, while nobody knows: a day.
const NOT_KNOWN: i64 = 86_400_000;

/// Writes what events tell into the balance cache, and tells how far behind it is.
pub struct RefreshCache {
    cache: Arc<dyn BalanceCache>,
    freshness: Arc<Freshness>,
    clock: Arc<dyn Clock>,
    /// When the oldest change happened that cannot be written, in milliseconds since 1970, or [`NOTHING`].
    stuck_since: AtomicI64,
}

impl RefreshCache {
    /// A refresher of this cache. Until the bus says how far it has come, the cache counts as behind.
    #[must_use]
    pub fn new(cache: Arc<dyn BalanceCache>, freshness: Arc<Freshness>, clock: Arc<dyn Clock>) -> Self {
        freshness.refresher_is_behind(NOT_KNOWN);
        Self { cache, freshness, clock, stuck_since: AtomicI64::new(NOTHING) }
    }

    /// Writes the parts, however long that takes.
    async fn write(&self, parts: &[(WalletId, ViewPart)], oldest: Timestamp) {
        let mut pause = PAUSE_MIN;
        while let Err(error) = self.cache.refresh(parts).await {
            tracing::debug!(%error, parts = parts.len(), "the cache waits for its refresh");
            self.stuck_since.store(oldest.timestamp_millis(), Ordering::Relaxed);
            // Only upwards: that it is better again is for the bus to say.
            self.tell(self.freshness.refresher_behind_millis());
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
        self.stuck_since.store(NOTHING, Ordering::Relaxed);
    }

    /// Tells how far the cache is behind: at least so far, and at least as far as what is stuck here.
    fn tell(&self, at_least: i64) {
        let stuck_since = self.stuck_since.load(Ordering::Relaxed);
        let stuck =
            if stuck_since == NOTHING { 0 } else { self.clock.now().timestamp_millis() - stuck_since };
        self.freshness.refresher_is_behind(at_least.max(stuck));
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
                Ok(change) => changes.push(change),
                Err(reason) => poison.push((index, reason)),
            }
        }
        if let Some(oldest) = changes.iter().map(|change| change.occurred_at).min() {
            self.write(&newest(&changes), oldest).await;
            self.measure(&changes);
        }
        poison
    }

    fn is_behind(&self, by: Duration) {
        self.tell(i64::try_from(by.as_millis()).map_or(NOT_KNOWN, |millis| millis.min(NOT_KNOWN)));
    }
}

/// The newest of each part: the cache would refuse the others anyway.
fn newest(changes: &[Change]) -> Vec<(WalletId, ViewPart)> {
    let mut newest: HashMap<(WalletId, bool), (i64, ViewPart)> = HashMap::with_capacity(changes.len());
    for change in changes {
        let (is_money, version) = match &change.part {
            ViewPart::Money { money, .. } => (true, money.version),
            ViewPart::Status { status, .. } => (false, status.version),
        };
        let known = newest.entry((change.wallet, is_money)).or_insert((version, change.part));
        if version > known.0 {
            *known = (version, change.part);
        }
    }
    newest.into_iter().map(|((wallet, _), (_, part))| (wallet, part)).collect()
}
