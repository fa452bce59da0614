//! What happens when an event arrives.

mod decode;
mod refresh_cache;

pub use refresh_cache::RefreshCache;
