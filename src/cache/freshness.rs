//! Whether the cache may be believed: a lease.

use std::{
    sync::atomic::{AtomicI64, AtomicU64, Ordering},
    time::Duration,
};

use tokio::time::Instant;

/// How long the cache may answer after the moment through which it is known to be fresh; the exercise allows 5 s.
pub const LEASE: Duration = Duration::from_secs(2);

/// Through which moment the cache is known to have everything that was booked. The moment is one of the monotonic
/// clock, taken before the question whose answer proved it, and the lease ends by itself: a process that stood still, a
/// watcher that died and a broker that is slow all end in a read of Postgres.
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
    /// Nothing is known, so the cache may not answer.
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
    /// The cache has everything that was booked by this moment. An earlier one than known changes nothing.
    pub fn extend(&self, fresh_through: Instant) {
        let nanos = self.nanos(fresh_through);
        self.fresh_through.fetch_max(nanos, Ordering::Relaxed);
    }

    /// Whether a balance that the cache has just answered may be shown. Asked after the answer, because the process may
    /// have stood still before it.
    #[must_use]
    pub fn cache_may_answer(&self) -> bool {
        self.age().is_some_and(|age| age < LEASE)
    }

    /// How old the moment is through which the cache is fresh; none: not known.
    #[must_use]
    pub fn age(&self) -> Option<Duration> {
        let through = self.fresh_through.load(Ordering::Relaxed);
        (through > 0).then(|| Duration::from_nanos(self.nanos(Instant::now()).saturating_sub(through)))
    }

    /// The books turned out not to continue what they were: whatever was remembered of them may be of a lost history.
    pub fn begin_history(&self, generation: i64) {
        self.generation.store(generation, Ordering::Release);
        self.histories.fetch_add(1, Ordering::AcqRel);
    }

    /// How many histories of the books this process has met; what is remembered holds for one of them only.
    #[must_use]
    pub fn histories(&self) -> u64 {
        self.histories.load(Ordering::Acquire)
    }

    /// The books' generation; messages of an earlier one are of a lost history. 0: not known yet.
    #[must_use]
    pub fn generation(&self) -> i64 {
        self.generation.load(Ordering::Acquire)
    }

    /// For people: how far the topic is behind the books, in milliseconds.
    pub fn topic_is_behind(&self, millis: i64) {
        self.topic_behind_millis.store(millis, Ordering::Relaxed);
    }

    /// For people: how far the refresher is behind the topic, in milliseconds.
    pub fn refresher_is_behind(&self, millis: i64) {
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
    fn nothing_is_fresh_before_anything_is_known() {
        let freshness = Freshness::default();
        assert_eq!((freshness.age(), freshness.cache_may_answer()), (None, false));
    }

    #[test]
    fn the_lease_counts_from_the_moment_that_was_proved_and_not_from_when_it_was_told() {
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
