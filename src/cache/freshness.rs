//! Whether the cache is fresh enough to answer: a lease.

use std::{
    sync::atomic::{AtomicI64, AtomicU64, Ordering},
    time::Duration,
};

use tokio::time::Instant;

/// How long the cache may answer after the moment through which it is known to be complete; the exercise allows 5 s.
pub const LEASE: Duration = Duration::from_secs(2);

/// Through which moment the cache is known to have all committed rows. The moment is of the monotonic clock, taken before
/// the query that proved it, and the lease expires by itself: after a suspended process, a dead watcher or a slow broker,
/// balances are read from Postgres.
#[derive(Debug)]
pub struct Freshness {
    origin: Instant,
    /// In nanoseconds after `origin`; 0: not known.
    fresh_through: AtomicU64,
    topic_behind_millis: AtomicI64,
    refresher_behind_millis: AtomicI64,
    generation: AtomicI64,
    histories: AtomicU64,
}

impl Default for Freshness {
    /// Not known to be fresh, so the cache may not answer.
    fn default() -> Self {
        Self {
            origin: Instant::now(),
            fresh_through: AtomicU64::new(0),
            topic_behind_millis: AtomicI64::new(0),
            refresher_behind_millis: AtomicI64::new(0),
            generation: AtomicI64::new(0),
            histories: AtomicU64::new(0),
        }
    }
}

impl Freshness {
    /// Notes that the cache has all rows committed by this moment. An earlier one than the known one changes nothing.
    pub fn extend(&self, fresh_through: Instant) {
        let nanos = self.nanos(fresh_through);
        self.fresh_through.fetch_max(nanos, Ordering::Relaxed);
    }

    /// Whether a balance that was just read from the cache may be shown. Checked after the read, because the process may
    /// have been suspended before it.
    #[must_use]
    pub fn cache_may_answer(&self) -> bool {
        self.age().is_some_and(|age| age < LEASE)
    }

    /// The age of the moment through which the cache is fresh; none: not known.
    #[must_use]
    pub fn age(&self) -> Option<Duration> {
        let through = self.fresh_through.load(Ordering::Relaxed);
        (through > 0).then(|| Duration::from_nanos(self.nanos(Instant::now()).saturating_sub(through)))
    }

    /// Begins another history of the books: views cached before may be of a lost one.
    pub fn begin_history(&self, generation: i64) {
        self.generation.store(generation, Ordering::Release);
        self.histories.fetch_add(1, Ordering::AcqRel);
    }

    /// The number of histories of the books that this process has met. A cached value is valid for one of them only.
    #[must_use]
    pub fn histories(&self) -> u64 {
        self.histories.load(Ordering::Acquire)
    }

    /// The books' generation; messages of an earlier one are of a lost history. 0: not known yet.
    #[must_use]
    pub fn generation(&self) -> i64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Notes how far the topic is behind the books, in milliseconds, for `/health`.
    pub fn set_topic_behind(&self, millis: i64) {
        self.topic_behind_millis.store(millis, Ordering::Relaxed);
    }

    /// Notes how far the refresher is behind the topic, in milliseconds, for `/health`.
    pub fn set_refresher_behind(&self, millis: i64) {
        self.refresher_behind_millis.store(millis, Ordering::Relaxed);
    }

    /// How far the topic was behind the books when Postgres last answered, in milliseconds; never below zero.
    #[must_use]
    pub fn topic_behind_millis(&self) -> i64 {
        self.topic_behind_millis.load(Ordering::Relaxed)
    }

    /// How far the refresher is behind the topic, in milliseconds; never below zero.
    #[must_use]
    pub fn refresher_behind_millis(&self) -> i64 {
        self.refresher_behind_millis.load(Ordering::Relaxed)
    }

    fn nanos(&self, moment: Instant) -> u64 {
        u64::try_from(moment.saturating_duration_since(self.origin).as_nanos()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cache_is_not_fresh_before_its_first_extension() {
        let freshness = Freshness::default();
        assert_eq!((freshness.age(), freshness.cache_may_answer()), (None, false));
    }

    #[test]
    fn the_lease_counts_from_the_moment_that_was_proved_and_not_from_when_it_was_noted() {
        let now = Instant::now();
        let freshness = Freshness { origin: now - Duration::from_secs(60), ..Freshness::default() };
        freshness.extend(now - LEASE);
        assert!(!freshness.cache_may_answer(), "two seconds are over");
        freshness.extend(now - Duration::from_millis(500));
        assert!(freshness.cache_may_answer());
        freshness.extend(now - LEASE);
        assert!(freshness.cache_may_answer(), "an earlier moment takes nothing back");
    }
}
