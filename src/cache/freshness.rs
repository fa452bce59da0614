//! How far the cache may be behind the books.

use std::sync::atomic::{AtomicI64, Ordering};

/// A cache that is further behind than this is not read; the exercise allows 5 s in all.
pub const STALE_AFTER_MILLIS: i64 = 2_000;

/// How far the topic is behind the books, and how far the refresher is behind the topic, as this process last saw it.
/// Both are told by whoever knows: the watcher of the log, and the refresher.
#[derive(Debug, Default)]
pub struct Freshness {
    topic_behind_millis: AtomicI64,
    refresher_behind_millis: AtomicI64,
}

impl Freshness {
    /// The oldest row of a log that is not in the topic is so old, in milliseconds; 0 when none waits.
    pub fn topic_is_behind(&self, millis: i64) {
        self.topic_behind_millis.store(millis, Ordering::Relaxed);
    }

    /// The message just served was so old, in milliseconds; 0 when none waits.
    pub fn refresher_is_behind(&self, millis: i64) {
        self.refresher_behind_millis.store(millis, Ordering::Relaxed);
    }

    /// How far the topic is behind the books, in milliseconds.
    #[must_use]
    pub fn topic_behind_millis(&self) -> i64 {
        self.topic_behind_millis.load(Ordering::Relaxed)
    }

    /// How far the refresher is behind the topic, in milliseconds.
    #[must_use]
    pub fn refresher_behind_millis(&self) -> i64 {
        self.refresher_behind_millis.load(Ordering::Relaxed)
    }

    /// Whether a cached balance may be shown.
    #[must_use]
    pub fn cache_may_answer(&self) -> bool {
        self.topic_behind_millis() < STALE_AFTER_MILLIS && self.refresher_behind_millis() < STALE_AFTER_MILLIS
    }
}
