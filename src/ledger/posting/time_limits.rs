//! The time limits of an operation's life, all in one place: they add up to what clients are promised.
//!
//! | phase | limit | then |
//! | --- | --- | --- |
//! | in the queue | [`QUEUE_TIMEOUT`] | `unavailable`, nothing was done |
//! | from the queue to the commit | the later of [`WORK_TIMEOUT`] after it was asked and [`MIN_ATTEMPT`] after the batch began | `unavailable`, nothing was done |
//! | a wallet that another session holds | Postgres' `lock_timeout`, 250 ms | the operation is put back, and tried every [`BLOCKED_RETRY_INTERVAL`] |
//! | the commit | [`COMMIT_TIMEOUT`] | another connection asks whether it took place |
//! | a commit without an answer | [`COMMIT_RESOLUTION_TIMEOUT`] after it was sent | `outcome_unknown` |
//!
//! So `unavailable` comes within [`QUEUE_TIMEOUT`] + [`MIN_ATTEMPT`], 3 s, and `outcome_unknown` within
//! [`COMMIT_RESOLUTION_TIMEOUT`] more.

use std::time::Duration;

/// How long an operation waits for its batch to begin.
pub(super) const QUEUE_TIMEOUT: Duration = Duration::from_millis(2_200);

/// How long after its oldest operation was asked a batch may still send its commit.
pub(super) const WORK_TIMEOUT: Duration = Duration::from_millis(2_000);

/// What a batch gets however long its operations have waited: time for one attempt.
pub(super) const MIN_ATTEMPT: Duration = Duration::from_millis(800);

/// How long a new connection may take: no longer than one attempt.
pub(super) const CONNECT_TIMEOUT: Duration = MIN_ATTEMPT;

/// How long a commit's answer is waited for: a connection that is silent then may be dead, and another one can ask.
pub(super) const COMMIT_TIMEOUT: Duration = Duration::from_millis(1_000);

/// How long a commit without an answer is looked for, from the moment it was sent.
pub(super) const COMMIT_RESOLUTION_TIMEOUT: Duration = Duration::from_millis(2_000);

/// How long after a passing error a batch is tried again.
pub(super) const RETRY_DELAY: Duration = Duration::from_millis(50);

/// How often a batch is run again when other transactions are in the way.
pub(super) const BUSY_RETRIES: u32 = 5;

/// How often operations that another session holds up are tried. An attempt waits in line for as long, so the next one
/// mostly begins at once.
pub(super) const BLOCKED_RETRY_INTERVAL: Duration = Duration::from_millis(250);

#[cfg(test)]
mod tests {
    use super::*;

    /// docs/architecture.md promises it, and the tests of outages measure it.
    #[test]
    fn what_was_not_done_is_answered_within_three_seconds_and_what_is_unknown_within_two_more() {
        assert_eq!(QUEUE_TIMEOUT + MIN_ATTEMPT, Duration::from_secs(3));
        assert_eq!(COMMIT_RESOLUTION_TIMEOUT, Duration::from_secs(2));
    }

    #[test]
    fn each_limit_leaves_time_for_what_it_contains() {
        assert!(WORK_TIMEOUT < QUEUE_TIMEOUT, "a batch that began at once gives up before its queue would");
        assert!(
            COMMIT_TIMEOUT + CONNECT_TIMEOUT < COMMIT_RESOLUTION_TIMEOUT,
            "another connection can still ask"
        );
        assert!(3 * BLOCKED_RETRY_INTERVAL <= MIN_ATTEMPT, "an attempt can wait in line more than once");
    }
}
