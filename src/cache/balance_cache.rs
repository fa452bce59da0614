//! The port to the balance cache.

use async_trait::async_trait;
use shaku::Interface;
use thiserror::Error;
use tokio::time::Instant;

use super::view::{ViewPart, WalletView};
use crate::kernel::{books::Standing, ids::WalletId};

/// The cache cannot be reached, or answered nonsense; the text is for the log. Postgres answers instead.
#[derive(Debug, Error)]
#[error("balance cache: {0}")]
pub struct CacheError(pub String);

/// The right to fill one wallet's view with what is read from Postgres after the ticket was taken. It holds for a few
/// hundred milliseconds, and only while nothing that was written about the wallet meanwhile can have been lost: a
/// slow reader must not put an old view back after an eviction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket {
    pub wallet: WalletId,
    /// Before Postgres was asked.
    pub taken: Instant,
    /// What the cache recognizes the wallet's state by; its own affair.
    pub state: String,
}

/// What the cache has of a wallet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// The view: both of its parts are there.
    Hit(WalletView),
    /// No view, or one that cannot be read.
    Miss(Ticket),
}

/// Which history of the books a cache's entries are from, as it was last noted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheMark {
    pub standing: Standing,
    /// Random; renewed when the books do not continue what the cache has. Entries of another epoch are not believed.
    pub epoch: String,
}

/// The version of a part that was known before it was written; none: no version was.
pub type KnownBefore = Option<i64>;

/// Remembers balance views. Each part of a view is replaced only by a newer one, so an old value can never replace a
/// new one, by any writer and however late. No decision about money reads it.
#[async_trait]
pub trait BalanceCache: Interface {
    /// The view, or a ticket to fill it.
    async fn get(&self, wallet: WalletId) -> Result<Lookup, CacheError>;

    /// A ticket for each of these wallets, in their order, whether they are there or not.
    async fn tickets(&self, wallets: &[WalletId]) -> Result<Vec<Ticket>, CacheError>;

    /// Remembers both parts of each view, each if it is newer than what is there. Answers how many of the tickets held;
    /// the views of the others are not written.
    async fn fill(&self, views: &[(Ticket, WalletView)]) -> Result<usize, CacheError>;

    /// Remembers one part of each of these wallets, each if it is newer than what is there. Answers with what was known
    /// before, in their order.
    async fn refresh(&self, parts: &[(WalletId, ViewPart)]) -> Result<Vec<KnownBefore>, CacheError>;

    /// The mark, as it stands in the cache; none: nothing was noted yet. To be asked before the books are, so that what
    /// it says was committed before their answer.
    async fn mark(&self) -> Result<Option<CacheMark>, CacheError>;

    /// Notes where the books stand. Unless they continue the mark `known`, or if the cache `is_to_be_replaced`, nothing
    /// that is there is believed any more. Fails if the mark has changed since it was asked for.
    async fn adopt(
        &self,
        known: Option<CacheMark>,
        standing: &Standing,
        is_to_be_replaced: bool,
    ) -> Result<(), CacheError>;

    /// Whether this process's connection to the cache reads and writes under a mark that it has adopted.
    fn has_adopted(&self) -> bool;

    /// Reaches for the cache, for `/health`. A cache that refuses to be written is an error, too.
    async fn ping(&self) -> Result<(), CacheError>;

    /// What serves: `redis` or `in-process`.
    fn name(&self) -> &'static str;
}
