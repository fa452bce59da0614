//! The port to the balance cache.

use async_trait::async_trait;
use shaku::Interface;
use thiserror::Error;
use tokio::time::Instant;

use super::view::{ViewPart, WalletView};
use crate::kernel::{books::Standing, ids::WalletId};

/// The cache cannot be reached, or its answer is not valid; the text is for the log. Balances are read from Postgres.
#[derive(Debug, Error)]
#[error("balance cache: {0}")]
pub struct CacheError(pub String);

/// The right to fill one wallet's view with rows read from Postgres after the ticket was taken. It is valid for a few
/// hundred milliseconds, and only while no write to the wallet's view since then can have been lost: a slow reader must not
/// restore an old view after an eviction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket {
    pub wallet: WalletId,
    /// Before Postgres was read.
    pub taken: Instant,
    /// The cache's own text for the state of the wallet's view.
    pub state: String,
}

/// The result of a look-up in the cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// The view, with both parts.
    Hit(WalletView),
    /// No view, or one that cannot be read.
    Miss(Ticket),
}

/// Which history of the books a cache's entries are from, and how far it had come when it was last noted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheMark {
    pub standing: Standing,
    /// Random; renewed when the books do not continue the mark's history. Entries of another epoch are ignored.
    pub epoch: String,
}

/// The version of a part that was cached before a write; none: none was.
pub type KnownBefore = Option<i64>;

/// Stores balance views. Each part of a view is replaced only by a newer one, so an old value can never replace a
/// new one, by any writer and however late. No decision about money reads it.
#[async_trait]
pub trait BalanceCache: Interface {
    /// The view, or a ticket to fill it.
    async fn get(&self, wallet: WalletId) -> Result<Lookup, CacheError>;

    /// A ticket for each of these wallets, in their order, whether they are cached or not.
    async fn tickets(&self, wallets: &[WalletId]) -> Result<Vec<Ticket>, CacheError>;

    /// Writes both parts of each view, each if it is newer than the cached one. Returns the number of valid tickets; views
    /// with an invalid one are not written.
    async fn fill(&self, views: &[(Ticket, WalletView)]) -> Result<usize, CacheError>;

    /// Writes one part of each of these wallets, each if it is newer than the cached one. Returns the versions cached before,
    /// in their order.
    async fn refresh(&self, parts: &[(WalletId, ViewPart)]) -> Result<Vec<KnownBefore>, CacheError>;

    /// The mark in the cache; none: none was noted yet. To be read before the books, so that the rows that it counts were
    /// committed before.
    async fn mark(&self) -> Result<Option<CacheMark>, CacheError>;

    /// Notes how far the books have come. Unless they continue the mark `known`, or if the cache `is_to_be_replaced`, its
    /// entries are ignored from now on. Fails if the mark has changed since it was read.
    async fn adopt(
        &self,
        known: Option<CacheMark>,
        standing: &Standing,
        is_to_be_replaced: bool,
    ) -> Result<(), CacheError>;

    /// Whether this process's connection to the cache reads and writes under a mark that it has adopted.
    fn has_adopted(&self) -> bool;

    /// Checks that the cache answers, for `/health`. A cache that refuses writes is an error, too.
    async fn ping(&self) -> Result<(), CacheError>;

    /// The implementation: `redis` or `in-process`.
    fn name(&self) -> &'static str;
}
