//! How far a follower has come, as a moment of the monotonic clock.
//!
//! A watcher notes where the log, or the topic, ended at some moments. Once the follower has passed such an end, it has
//! everything that was there at that moment. No date of a row is used, so neither a clock that jumps nor a process that
//! stood still can make a follower look fresher than it is.

use std::collections::VecDeque;

use tokio::time::Instant;

/// Maximum number of ends that are remembered. Further ones would only make the result finer.
const ENDS_MAX: usize = 240;

/// The ends that a follower has not reached yet, and the latest moment whose end it has.
#[derive(Debug)]
pub struct Milestones<E> {
    ahead: VecDeque<(Instant, E)>,
    reached: Option<Instant>,
}

impl<E> Default for Milestones<E> {
    fn default() -> Self {
        Self { ahead: VecDeque::new(), reached: None }
    }
}

impl<E> Milestones<E> {
    /// Notes an end. `moment` is one before the end was asked for; moments and ends never go backwards.
    pub fn note(&mut self, moment: Instant, end: E) {
        if self.ahead.len() < ENDS_MAX {
            self.ahead.push_back((moment, end));
        }
    }

    /// Removes the ends that the follower has reached, and answers with the latest moment of all that it ever reached.
    pub fn advance(&mut self, has_reached: impl Fn(&E) -> bool) -> Option<Instant> {
        while let Some((moment, _)) = self.ahead.pop_front_if(|(_, end)| has_reached(end)) {
            self.reached = Some(moment);
        }
        self.reached
    }

    /// The latest moment whose end was reached.
    #[must_use]
    pub fn reached(&self) -> Option<Instant> {
        self.reached
    }

    /// Whether the follower has reached every end that was noted.
    #[must_use]
    pub fn is_at_end(&self) -> bool {
        self.ahead.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_moment_reached_is_that_of_the_last_end_passed_and_no_later_one() {
        let start = Instant::now();
        let at = |n: u64| start + Duration::from_millis(n);
        let mut milestones = Milestones::default();
        assert_eq!((milestones.reached(), milestones.is_at_end()), (None, true));
        for n in 1..=5 {
            milestones.note(at(n), n * 10);
        }
        assert_eq!(milestones.advance(|end| *end <= 9), None);
        assert_eq!(milestones.advance(|end| *end <= 39), Some(at(3)));
        assert_eq!(milestones.advance(|end| *end <= 20), Some(at(3)), "it never goes backwards");
        assert!(!milestones.is_at_end());
        assert_eq!(milestones.advance(|_| true), Some(at(5)));
        assert!(milestones.is_at_end());
    }

    #[test]
    fn a_follower_that_stands_still_for_long_takes_no_more_memory() {
        let start = Instant::now();
        let mut milestones = Milestones::default();
        for n in 0..10_000 {
            milestones.note(start + Duration::from_millis(n), n);
        }
        assert_eq!(milestones.ahead.len(), ENDS_MAX);
        assert!(milestones.advance(|_| true) < Some(start + Duration::from_secs(1)));
        milestones.note(start + Duration::from_secs(20), 20_000);
        assert_eq!(milestones.advance(|_| true), Some(start + Duration::from_secs(20)));
    }
}
