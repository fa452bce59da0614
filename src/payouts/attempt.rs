//! What the worker knows of a payout, and when it tries again. Pure.

use std::time::Duration;

use serde::Serialize;
use uuid::Uuid;

use super::bank::PayoutInstruction;
use crate::kernel::ids::{OperationId, WalletId};

/// How often in a row the bank may give no answer that says anything; then an operator decides. With the delays below this
/// is about three hours.
pub const FAILURES_MAX: u32 = 28;

/// The delay after the first failure; each one after it is twice as long.
const FIRST_DELAY: Duration = Duration::from_secs(1);
/// The longest delay after a failure.
const DELAY_MAX: Duration = Duration::from_mins(10);
/// Between two looks at a payout whose wallet is frozen.
const FROZEN_DELAY: Duration = Duration::from_secs(5);
/// Between two questions of a payment that the bank has accepted and not paid: a tenth of its age, within these bounds.
const ASK_DELAY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_mins(10));
/// After the books could not be reached.
const BOOKS_DELAY: Duration = Duration::from_secs(1);

/// A payout that this process works on until its lease ends.
#[derive(Clone, Debug)]
pub struct Claimed {
    /// The claim.
    pub lease: Uuid,
    pub instruction: PayoutInstruction,
    pub wallet: WalletId,
    /// It was never submitted to the bank; it counts as submitted from the claim on, unless its wallet is frozen.
    pub is_first: bool,
    /// Its first submission waits.
    pub is_frozen: bool,
    /// It is settled or returned in the books.
    pub is_closed: bool,
    /// How often in a row the bank gave no answer that says anything.
    pub failures: u32,
    /// Since it was requested.
    pub age: Duration,
}

/// What an attempt has come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attempted {
    /// The books have its end.
    Done,
    /// The wallet is frozen, and the bank has not got it yet.
    Frozen,
    /// The bank has accepted it, and has not paid yet.
    Accepted,
    /// No answer that says anything.
    Failed { answer: String, surely_unsent: bool },
    /// The bank has answered; the books could not be reached.
    NotBooked(String),
    /// Only an operator can decide.
    Contradicted(String),
}

/// What is written of an attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Progress {
    pub id: Uuid,
    /// The claim; it is written only while no other process has claimed the payout.
    pub lease: Uuid,
    pub is_done: bool,
    pub needs_attention: bool,
    /// The submission was counted, and did not take place.
    pub surely_unsent: bool,
    pub failures: u32,
    /// Until the next attempt.
    pub delay_ms: u64,
    pub answer: Option<String>,
}

impl Progress {
    /// The progress by an attempt.
    #[must_use]
    pub fn of(claimed: &Claimed, attempted: Attempted) -> Self {
        let unchanged = Self {
            id: claimed.instruction.id.0,
            lease: claimed.lease,
            is_done: false,
            needs_attention: false,
            surely_unsent: false,
            failures: 0,
            delay_ms: 0,
            answer: None,
        };
        match attempted {
            Attempted::Done => Self { is_done: true, answer: Some("done".to_owned()), ..unchanged },
            Attempted::Frozen => Self { delay_ms: millis(FROZEN_DELAY), ..unchanged },
            Attempted::Accepted => {
                let delay_ms = millis((claimed.age / 10).clamp(ASK_DELAY.0, ASK_DELAY.1));
                Self { delay_ms, answer: Some("pending".to_owned()), ..unchanged }
            }
            Attempted::Failed { answer, surely_unsent } => {
                let failures = claimed.failures + 1;
                Self {
                    failures,
                    surely_unsent,
                    needs_attention: failures >= FAILURES_MAX,
                    delay_ms: millis(delay(failures, jitter(claimed.instruction.id))),
                    answer: Some(answer),
                    ..unchanged
                }
            }
            Attempted::NotBooked(reason) => {
                let failures = claimed.failures;
                Self { failures, delay_ms: millis(BOOKS_DELAY), answer: Some(reason), ..unchanged }
            }
            Attempted::Contradicted(reason) => {
                Self { needs_attention: true, failures: claimed.failures, answer: Some(reason), ..unchanged }
            }
        }
    }
}

/// The delay after this number of failures: between half of the full one and all of it.
fn delay(failures: u32, jitter: f64) -> Duration {
    let full = FIRST_DELAY.saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1))).min(DELAY_MAX);
    full.mul_f64(0.5 + 0.5 * jitter.clamp(0.0, 1.0))
}

/// Between 0 and 1, by the random end of the id: it spreads payouts that failed together.
fn jitter(id: OperationId) -> f64 {
    f64::from(id.0.as_bytes()[15]) / f64::from(u8::MAX)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// What a report of the bank became in the books.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Booked {
    /// The books have the end that the bank reports.
    Ended,
    /// The bank has not paid yet; nothing is booked.
    Open,
    /// The report contradicts the books; nothing is booked.
    Contradiction(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bounded_retries_outlast_an_outage_of_an_hour() {
        let shortest: Duration = (1..FAILURES_MAX).map(|failures| delay(failures, 0.0)).sum();
        assert!(shortest > Duration::from_hours(1), "{shortest:?}");
        let longest: Duration = (1..FAILURES_MAX).map(|failures| delay(failures, 1.0)).sum();
        assert!(longest > Duration::from_hours(2) && longest < Duration::from_hours(4), "{longest:?}");
        assert_eq!(delay(1, 1.0), FIRST_DELAY);
        assert_eq!(delay(u32::MAX, 1.0), DELAY_MAX);
    }
}
