//! What happens when an event arrives.

mod decode;
mod gaps;
mod lease;
mod refresh_cache;

pub use lease::{History, Lease};
pub use refresh_cache::RefreshCache;
