//! A balance cache whose refreshes a test can make fail.

use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use wallet::{
    adapters::in_process::InProcessCache,
    cache::{BalanceCache, CacheError, CacheMark, KnownBefore, Lookup, Ticket, ViewPart, WalletView},
    kernel::{books::Standing, ids::WalletId},
};

/// A cache that can be made to fail.
#[derive(Default)]
pub struct Fragile {
    inner: InProcessCache,
    pub fails: AtomicBool,
}

#[async_trait]
impl BalanceCache for Fragile {
    async fn get(&self, wallet: WalletId) -> Result<Lookup, CacheError> {
        self.inner.get(wallet).await
    }

    async fn tickets(&self, wallets: &[WalletId]) -> Result<Vec<Ticket>, CacheError> {
        self.inner.tickets(wallets).await
    }

    async fn fill(&self, views: &[(Ticket, WalletView)]) -> Result<usize, CacheError> {
        self.inner.fill(views).await
    }

    async fn refresh(&self, parts: &[(WalletId, ViewPart)]) -> Result<Vec<KnownBefore>, CacheError> {
        if self.fails.load(Ordering::Relaxed) {
            return Err(CacheError("it fails on purpose".to_owned()));
        }
        self.inner.refresh(parts).await
    }

    async fn mark(&self) -> Result<Option<CacheMark>, CacheError> {
        self.inner.mark().await
    }

    async fn adopt(&self, known: Option<CacheMark>, now: &Standing, replace: bool) -> Result<(), CacheError> {
        self.inner.adopt(known, now, replace).await
    }

    fn has_adopted(&self) -> bool {
        self.inner.has_adopted()
    }

    async fn ping(&self) -> Result<(), CacheError> {
        Ok(())
    }

    fn name(&self) -> &'static str {
        "fragile"
    }
}
