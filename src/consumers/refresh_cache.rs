//! Keeps the balance cache as fresh as the topic.

use std::{collections::HashMap, sync::Arc, time::Duration};

use async_trait::async_trait;

use super::decode::{Change, decode};
use crate::{
    cache::{BalanceCache, ViewPart},
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
    clock: Arc<dyn Clock>,
}

impl RefreshCache {
    /// A refresher of this cache.
    #[must_use]
    pub fn new(cache: Arc<dyn BalanceCache>, clock: Arc<dyn Clock>) -> Self {
        Self { cache, clock }
    }

    /// Writes the parts, however long that takes. Meanwhile the group does not come on, and the cache's lease ends.
    async fn write(&self, parts: &[(WalletId, ViewPart)]) {
        let mut pause = PAUSE_MIN;
        while let Err(error) = self.cache.refresh(parts).await {
            tracing::debug!(%error, parts = parts.len(), "the cache waits for its refresh");
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
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
                Ok(change) => changes.push(change),
                Err(reason) => poison.push((index, reason)),
            }
        }
        if !changes.is_empty() {
            self.write(&newest(&changes)).await;
            self.measure(&changes);
        }
        poison
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
