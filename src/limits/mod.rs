//! Limits on the requests of one wallet or one source: counted in the process, so that no request waits, and shared with the
//! other processes ten times a second.

mod class;
mod estimate;
mod service;
mod shared;
mod sharing;
mod source;
mod subject;
#[cfg(test)]
mod tests;
mod windows;

pub use class::{Class, Quotas};
pub use service::{Exhausted, Limits};
pub use shared::{Delta, ShareError, SharedCounts, Sums};
pub use sharing::share;
pub use source::{Source, TrustedProxies};
pub use subject::Subject;
