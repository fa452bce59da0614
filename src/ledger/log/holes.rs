//! A second look at positions that a reader passed and found no row at.
//!
//! A stretch that lies behind the [`barrier`](super::barrier()) has holes only where a batch was rolled back: its positions
//! are gone for good. That is the proof; this is its check. Each hole is looked at again for [`WATCHED_AT_LEAST`], longer
//! than a batch lives, because a broken barrier may pass positions that are handed out only later; and then until the
//! transactions that ran at the end of this time have ended. A row that turns up in one means that the
//! barrier is broken, and the reader has passed a row.

use std::{collections::VecDeque, time::Duration};

use sqlx::{PgConnection, Row};
use tokio::time::Instant;

use super::rows::{Log, LogRow};
use crate::db::DbError;

/// The maximum number of holes remembered; beyond it the oldest is dropped. Some hundred bytes each.
const HOLES_MAX: usize = 1_000;

/// The minimum time for which a hole is looked at again.
const WATCHED_AT_LEAST: Duration = Duration::from_secs(10);

/// Virtual ids of the transactions that run now, in every database of the server, this one left out.
const RUNNING: &str = "\
select coalesce(array_agg(virtualxid), '{}') from pg_locks
where locktype = 'virtualxid' and granted and pid <> pg_backend_pid()";

/// Which of these ranges of positions, ends included, hold an entry by now: their numbers, from 1.
pub const LATE_ENTRIES: &str = "\
select h.n from unnest($1::int8[], $2::int8[]) with ordinality h(first, last, n)
cross join lateral (select from entries where position between h.first and h.last limit 1 offset 0) e";

/// As [`LATE_ENTRIES`], of the log of status.
pub const LATE_STATUS_CHANGES: &str = "\
select h.n from unnest($1::int8[], $2::int8[]) with ordinality h(first, last, n)
cross join lateral (select from status_changes where position between h.first and h.last limit 1 offset 0) e";

/// Positions without a row, ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    pub first: i64,
    pub last: i64,
}

#[derive(Debug)]
struct Hole {
    range: Range,
    found: Instant,
    /// The transactions that ran at the last look within [`WATCHED_AT_LEAST`].
    running: Vec<String>,
}

/// The holes of one log that may still be filled.
#[derive(Debug, Default)]
pub struct Holes(VecDeque<Hole>);

impl Holes {
    /// Whether none is left to be looked at.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The ranges, the oldest first.
    #[must_use]
    pub fn ranges(&self) -> Vec<Range> {
        self.0.iter().map(|hole| hole.range).collect()
    }

    /// Remembers holes, with the transactions that run now. Those were asked for after the stretch was read: a
    /// transaction that still fills one of the holes is among them, or is committed and found by the next look.
    pub fn remember(&mut self, ranges: impl IntoIterator<Item = Range>, running: &[String], found: Instant) {
        for range in ranges {
            if self.0.len() == HOLES_MAX {
                self.0.pop_front();
                metrics::counter!("wallet_relay_holes_dropped_total").increment(1);
            }
            self.0.push_back(Hole { range, found, running: running.to_vec() });
        }
    }

    /// Forgets the holes that no transaction of their time can fill any more: `running` was asked for before the look
    /// that found them empty.
    pub fn forget_settled(&mut self, running: &[String], now: Instant) {
        self.0.retain_mut(|hole| {
            let is_young = now.duration_since(hole.found) < WATCHED_AT_LEAST;
            if is_young {
                running.clone_into(&mut hole.running);
            }
            is_young || hole.running.iter().any(|old| running.contains(old))
        });
    }

    /// Forgets one position, which has its row now; the rest of its range stays.
    pub fn fill(&mut self, position: i64) {
        let Some(at) = self.0.iter().position(|h| (h.range.first..=h.range.last).contains(&position)) else {
            return;
        };
        let Some(Hole { range: Range { first, last }, found, running }) = self.0.remove(at) else { return };
        if position < last {
            let range = Range { first: position + 1, last };
            self.0.insert(at, Hole { range, found, running: running.clone() });
        }
        if first < position {
            self.0.insert(at, Hole { range: Range { first, last: position - 1 }, found, running });
        }
    }
}

/// The positions beyond `after` and up to `up_to` that none of these rows has; the rows are in order.
#[must_use]
pub fn missing(rows: &[LogRow], after: i64, up_to: i64) -> Vec<Range> {
    let mut missing = Vec::new();
    let mut next = after + 1;
    for position in rows.iter().map(LogRow::position).chain([up_to + 1]) {
        if position > next {
            missing.push(Range { first: next, last: position - 1 });
        }
        next = position + 1;
    }
    missing
}

/// The transactions that run now, as virtual transaction ids.
pub async fn running(conn: &mut PgConnection) -> Result<Vec<String>, DbError> {
    Ok(sqlx::query(RUNNING).fetch_one(conn).await?.try_get(0)?)
}

/// Those of the ranges that hold a row by now.
pub async fn filled(conn: &mut PgConnection, log: Log, ranges: &[Range]) -> Result<Vec<Range>, DbError> {
    let sql = match log {
        Log::Entries => LATE_ENTRIES,
        Log::StatusChanges => LATE_STATUS_CHANGES,
    };
    let rows = sqlx::query(sql)
        .bind(ranges.iter().map(|range| range.first).collect::<Vec<_>>())
        .bind(ranges.iter().map(|range| range.last).collect::<Vec<_>>())
        .fetch_all(conn)
        .await?;
    let mut filled = Vec::with_capacity(rows.len());
    for row in rows {
        let number: i64 = row.try_get(0)?;
        filled.extend(usize::try_from(number - 1).ok().and_then(|at| ranges.get(at)).copied());
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::{
        kernel::{
            clock::Timestamp,
            ids::{CustomerXid, WalletId},
            status::Status,
        },
        ledger::log::StatusChangeRow,
    };

    fn row(position: i64) -> LogRow {
        LogRow::StatusChange(StatusChangeRow {
            position,
            wallet: WalletId(Uuid::nil()),
            owner: CustomerXid(Uuid::nil()),
            status_version: 1,
            status: Status::Enabled,
            frozen: false,
            occurred_at: Timestamp::UNIX_EPOCH,
        })
    }

    fn range(first: i64, last: i64) -> Range {
        Range { first, last }
    }

    #[test]
    fn what_no_row_has_is_missing_at_both_ends_and_between() {
        let rows = [row(12), row(13), row(16)];
        assert_eq!(missing(&rows, 10, 18), [range(11, 11), range(14, 15), range(17, 18)]);
        assert_eq!(missing(&rows[..2], 11, 13), []);
        assert_eq!(missing(&[], 4, 6), [range(5, 6)]);
        assert_eq!(missing(&[], 6, 6), []);
    }

    #[test]
    fn a_hole_is_remembered_for_its_time_and_until_the_transactions_of_its_end_have_ended() {
        let mut holes = Holes::default();
        let found = Instant::now();
        holes.remember([range(3, 5)], &["3/7".to_owned()], found);
        let early = found + WATCHED_AT_LEAST / 2;
        holes.forget_settled(&["4/1".to_owned()], early);
        assert_eq!(holes.ranges(), [range(3, 5)], "the transactions that ran when it was found have ended");
        let late = found + WATCHED_AT_LEAST;
        holes.forget_settled(&["4/1".to_owned(), "5/2".to_owned()], late);
        assert_eq!(holes.ranges(), [range(3, 5)], "one that ran at the last look goes on");
        holes.forget_settled(&["5/2".to_owned()], late);
        assert!(holes.is_empty());
    }

    #[test]
    fn a_row_that_turns_up_leaves_the_rest_of_its_hole() {
        let mut holes = Holes::default();
        holes.remember([range(3, 5), range(9, 9)], &["3/7".to_owned()], Instant::now());
        holes.fill(4);
        assert_eq!(holes.ranges(), [range(3, 3), range(5, 5), range(9, 9)]);
        holes.fill(9);
        holes.fill(3);
        assert_eq!(holes.ranges(), [range(5, 5)]);
    }

    #[test]
    fn the_oldest_holes_are_dropped_beyond_the_maximum() {
        let mut holes = Holes::default();
        let found = (0..i64::try_from(HOLES_MAX).unwrap() + 2).map(|n| range(2 * n, 2 * n));
        holes.remember(found, &["3/7".to_owned()], Instant::now());
        assert_eq!((holes.len(), holes.ranges()[0]), (HOLES_MAX, range(4, 4)));
    }
}
