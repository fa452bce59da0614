//! Where a batch's time comes from, and whether Postgres' clock may be believed.
//!
//! An entry is never dated before the one it follows, so a clock that runs ahead for a moment marks each wallet that it
//! touches until the real time has caught up. Before a batch is dated, Postgres' time is compared with what this machine
//! knows: its wall clock, and the time since its boot, which cannot be set.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use chrono::TimeDelta;
use tracing::{error, info};

use crate::kernel::clock::{Clock, Timestamp};

/// Two clocks agree if they are no further apart.
const TOLERANCE: TimeDelta = TimeDelta::minutes(1);
/// The largest step ahead, from one batch to the next, that is believed without the wall clock's agreement.
const STEP_MAX: TimeDelta = TimeDelta::days(1);
/// How far beyond the moment of an operator's acceptance Postgres' time is believed.
const ACCEPTANCE_VALID: TimeDelta = TimeDelta::days(1);

/// Where a batch's time comes from.
#[derive(Clone, Debug)]
pub enum BatchClock {
    /// Postgres' clock, read under the locks and compared with this machine's.
    Database(ComparedClock),
    /// Always this moment, so that two runs can be compared to the last bit.
    Fixed(Timestamp),
}

/// What is remembered of Postgres' clock, and the clocks to compare it with. Clones share it: all batch writers of a process
/// compare with the same last time.
#[derive(Clone)]
pub struct ComparedClock {
    local: Arc<dyn Clock>,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    last: Option<Reading>,
    /// Batches are refused, and the log says so.
    is_refusing: bool,
}

/// Postgres' time at a batch that was accepted, and how long this machine had been up then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Reading {
    postgres: Timestamp,
    since_boot: Duration,
}

/// The clocks at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Clocks {
    postgres: Timestamp,
    wall: Timestamp,
    since_boot: Duration,
}

impl Clocks {
    /// Whether Postgres' time can be believed. The wall clock's agreement is enough; otherwise it must be what the last
    /// accepted time and the time since then give, and no more than a day after it.
    fn agree(self, last: Option<Reading>) -> bool {
        if is_close(self.postgres, self.wall) {
            return true;
        }
        let Some(last) = last else { return false };
        let elapsed = TimeDelta::from_std(self.since_boot.saturating_sub(last.since_boot));
        let expected = elapsed.ok().and_then(|elapsed| last.postgres.checked_add_signed(elapsed));
        expected.is_some_and(|expected| is_close(self.postgres, expected))
            && self.postgres - last.postgres <= STEP_MAX
    }

    /// Whether an operator's acceptance at this time of Postgres' clock still holds.
    fn are_accepted(self, accepted_at: Timestamp) -> bool {
        let since = self.postgres - accepted_at;
        -TOLERANCE <= since && since <= ACCEPTANCE_VALID
    }
}

fn is_close(a: Timestamp, b: Timestamp) -> bool {
    (a - b).abs() <= TOLERANCE
}

impl BatchClock {
    /// Postgres' clock, compared with this one.
    #[must_use]
    pub fn database(local: Arc<dyn Clock>) -> Self {
        Self::Database(ComparedClock { local, state: Arc::default() })
    }

    /// The time of a batch under whose locks Postgres' clock was just read; none if it can't be believed, and the batch
    /// must be refused. `accepted_at` asks Postgres when an operator accepted its clock last, only where that matters.
    pub(super) async fn time<E>(
        &self,
        postgres: Timestamp,
        accepted_at: impl AsyncFnOnce() -> Result<Option<Timestamp>, E>,
    ) -> Result<Option<Timestamp>, E> {
        let clock = match self {
            Self::Fixed(moment) => return Ok(Some(*moment)),
            Self::Database(clock) => clock,
        };
        let clocks = Clocks { postgres, wall: clock.local.now(), since_boot: clock.local.since_boot() };
        if clock.compare(clocks) {
            return Ok(Some(postgres));
        }
        let is_accepted = accepted_at().await?.is_some_and(|accepted_at| clocks.are_accepted(accepted_at));
        clock.settle(clocks, is_accepted);
        Ok(is_accepted.then_some(postgres))
    }
}

impl ComparedClock {
    /// Whether the clocks agree; if so, this is the last time from now on.
    fn compare(&self, clocks: Clocks) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let agree = clocks.agree(state.last);
        if agree {
            state.accept(clocks);
        }
        agree
    }

    /// What the operator's word makes of clocks that disagree.
    fn settle(&self, clocks: Clocks, is_accepted: bool) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if is_accepted {
            state.accept(clocks);
        } else {
            state.refuse(clocks);
        }
    }
}

impl State {
    fn accept(&mut self, clocks: Clocks) {
        let Clocks { postgres, since_boot, .. } = clocks;
        self.last = Some(Reading { postgres, since_boot });
        if std::mem::replace(&mut self.is_refusing, false) {
            info!(%postgres, "Postgres' clock is believed again; batches are booked");
        }
    }

    fn refuse(&mut self, clocks: Clocks) {
        metrics::counter!("wallet_batches_refused_by_clock_total").increment(1);
        if !std::mem::replace(&mut self.is_refusing, true) {
            let Clocks { postgres, wall, .. } = clocks;
            error!(
                %postgres,
                %wall,
                last = ?self.last.map(|last| last.postgres),
                "Postgres' clock can't be believed; nothing is booked until it agrees with this machine's, or until \
                 `wallet books accept-clock` says that it is right"
            );
        }
    }
}

impl fmt::Debug for ComparedClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ComparedClock").field("state", &self.state).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    fn clocks(postgres: i64, wall: i64, since_boot: u64) -> Clocks {
        Clocks { postgres: at(postgres), wall: at(wall), since_boot: Duration::from_secs(since_boot) }
    }

    const YEAR: i64 = 365 * 86_400;
    const DAY: i64 = 86_400;

    #[test]
    fn a_time_is_refused_only_when_it_is_far_from_the_wall_clock_and_from_what_is_expected() {
        let last = Some(Reading { postgres: at(0), since_boot: Duration::from_secs(1_000) });
        for (postgres, wall, since_boot, agree, why) in [
            (10, 10, 1_010, true, "all agree"),
            (70, 10, 1_010, true, "a minute from both"),
            (71, 10, 1_010, false, "more than a minute ahead of both"),
            (-51, 10, 1_010, false, "more than a minute behind both"),
            (10, YEAR, 1_010, true, "the wall clock is wrong alone"),
            (10, -YEAR, 1_010, true, "the wall clock is wrong alone, and behind"),
            (YEAR, 10, 1_010, false, "Postgres is wrong alone"),
            (-YEAR, 10, 1_010, false, "Postgres is wrong alone, and behind"),
            (3 * DAY, 3 * DAY, 1_000, true, "the machine stood still, uncounted"),
            (-3 * DAY, -3 * DAY, 1_010, true, "both were set back"),
            (DAY, 0, 87_400, true, "a day of rest, the wall clock is wrong"),
            (DAY + 1, 0, 87_401, false, "more than a day of rest, the wall clock is wrong"),
            (2 * DAY, 2 * DAY, 1_000 + 172_800, true, "two days of rest"),
        ] {
            assert_eq!(clocks(postgres, wall, since_boot).agree(last), agree, "{why}");
        }
    }

    #[test]
    fn the_first_time_is_held_to_the_wall_clock_alone() {
        assert!(clocks(60, 0, 5).agree(None));
        assert!(!clocks(61, 0, 5).agree(None));
        assert!(!clocks(-61, 0, 5).agree(None));
    }

    #[test]
    fn an_operators_word_holds_for_a_day_of_postgres_own_time() {
        for (accepted_at, holds) in
            [(0, true), (60, true), (61, false), (-DAY, true), (-DAY - 1, false), (-YEAR, false)]
        {
            assert_eq!(clocks(0, YEAR, 5).are_accepted(at(accepted_at)), holds, "{accepted_at}");
        }
    }
}
