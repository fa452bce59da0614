//! Consumers of events: the cache refresher, and the lease of the cache.

mod decode;
mod gaps;
mod lease;
mod refresh_cache;

pub use lease::{History, Lease};
pub use refresh_cache::RefreshCache;
