//! The port to the balance cache.

use async_trait::async_trait;
use shaku::Interface;
use thiserror::Error;

use super::view::{ViewPart, WalletView};
use crate::kernel::ids::WalletId;

/// The cache cannot be reached, or answered nonsense; the text is for the log. Postgres answers instead.
#[derive(Debug, Error)]
#[error("balance cache: {0}")]
pub struct CacheError(pub String);

/// Remembers balance views. Each part of a view is replaced only by a newer one, so an old value can never replace a
/// new one, whoever writes it and however late. No decision about money reads it.
#[async_trait]
pub trait BalanceCache: Interface {
    /// The view, if both of its parts are there.
    async fn get(&self, wallet: WalletId) -> Result<Option<WalletView>, CacheError>;

    /// Remembers both parts, each if it is newer than what is there.
    async fn fill(&self, view: &WalletView) -> Result<(), CacheError>;

    /// Remembers one part of each of these wallets, each if it is newer than what is there.
    async fn refresh(&self, parts: &[(WalletId, ViewPart)]) -> Result<(), CacheError>;

    /// Reaches for the cache, for `/health`.
    async fn ping(&self) -> Result<(), CacheError>;

    /// What serves: `redis` or `in-process`.
    fn name(&self) -> &'static str;
}
