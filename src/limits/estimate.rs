//! The sliding window, estimated from two fixed ones: the previous window's count is assumed to be spread evenly over it.

/// The counts of two windows of one length, and the progress of the present one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Estimate {
    /// The length of a window, in milliseconds.
    pub(super) period: u64,
    /// The elapsed part of the present window, in milliseconds; at most `period`.
    pub(super) elapsed: u64,
    pub(super) previous: u64,
    pub(super) current: u64,
}

impl Estimate {
    /// The time until one more of at most `limit` is allowed, in milliseconds, if none is counted until then; 0: it is allowed
    /// now.
    pub(super) fn wait(&self, limit: u64) -> u64 {
        let Self { period, elapsed, previous, current } = *self;
        // Both sides times `period`, to avoid fractions.
        if previous * (period - elapsed) + current * period < limit * period {
            return 0;
        }
        if current < limit {
            return fits_after(previous, limit - current, period).saturating_sub(elapsed);
        }
        period - elapsed + fits_after(current, limit, period)
    }
}

/// When the sliding window holds less than `room` of the count of a whole window, in milliseconds since that window ended.
fn fits_after(count: u64, room: u64, period: u64) -> u64 {
    let covered = (room * period).div_ceil(count) - 1;
    period.saturating_sub(covered)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PERIOD: u64 = 60_000;

    fn wait(previous: u64, current: u64, elapsed: u64, limit: u64) -> u64 {
        Estimate { period: PERIOD, elapsed, previous, current }.wait(limit)
    }

    #[test]
    fn a_quota_is_allowed_and_no_more() {
        assert_eq!((wait(0, 0, 0, 60), wait(0, 59, 0, 60), wait(0, 59, 59_999, 60)), (0, 0, 0));
        assert_eq!(wait(0, 60, 10_000, 60), 50_001);
        assert_eq!(wait(0, 120, 10_000, 60), 50_000 + 30_001);
        assert_eq!((wait(60, 0, 0, 60), wait(60, 0, 1, 60)), (1, 0));
        assert_eq!((wait(60, 30, 30_000, 60), wait(60, 30, 30_001, 60)), (1, 0));
        assert_eq!(wait(u64::from(u32::MAX), 0, 0, 60), PERIOD);
    }

    /// For any counts, one more is allowed after the wait, and not a millisecond before.
    #[test]
    fn the_wait_is_as_long_as_it_must_be() {
        for limit in [1, 2, 7, 60] {
            for previous in [0, 1, 6, 7, 8, 59, 60, 61, 500] {
                for current in [0, 1, 6, 7, 8, 59, 60, 61, 500] {
                    for elapsed in [0, 1, 29_999, 30_000, 59_999] {
                        let after = |wait: u64| match elapsed + wait {
                            same @ ..PERIOD => Estimate { period: PERIOD, elapsed: same, previous, current },
                            next => {
                                let elapsed = next - PERIOD;
                                Estimate { period: PERIOD, elapsed, previous: current, current: 0 }
                            }
                        };
                        let wait = after(0).wait(limit);
                        assert_eq!(after(wait).wait(limit), 0, "{previous} {current} {elapsed} {limit}");
                        if wait > 0 {
                            assert!(
                                after(wait - 1).wait(limit) > 0,
                                "{previous} {current} {elapsed} {limit}"
                            );
                        }
                    }
                }
            }
        }
    }
}
