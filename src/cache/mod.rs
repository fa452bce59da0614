//! The balance cache: a port, the view that it keeps, and how stale it may be. The truth is in Postgres; everything
//! here can be lost at any moment and is rebuilt from there.

mod balance_cache;
mod freshness;
mod view;

pub use balance_cache::{BalanceCache, CacheError, CacheMark, KnownBefore, Lookup, Ticket};
pub use freshness::{Freshness, LEASE};
pub use view::{MoneyView, StatusView, ViewPart, WalletView};
