//! The balance cache: its port, the view that it stores, and how stale it may be. The books are in Postgres; the cache can
//! be lost at any moment and is rebuilt from there.

mod balance_cache;
mod freshness;
mod view;

pub use balance_cache::{BalanceCache, CacheError, CacheMark, KnownBefore, Lookup, Ticket};
pub use freshness::{Freshness, LEASE};
pub use view::{MoneyView, NextRelease, StatusView, ViewPart, WalletView};
