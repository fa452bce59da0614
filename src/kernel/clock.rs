//! Time: UTC, in whole microseconds, as Postgres keeps it.

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, SubsecRound, Utc};
use shaku::Interface;

/// A moment in UTC.
pub type Timestamp = DateTime<Utc>;

/// Tells the time of this machine. A batch of the ledger takes its time from Postgres, under its locks, and is compared
/// with this one.
pub trait Clock: Interface {
    /// This moment, as the wall clock has it, which may be set.
    fn now(&self) -> Timestamp;

    /// How long this machine has been up, also while it was suspended. Nobody sets this clock.
    fn since_boot(&self) -> Duration;
}

/// RFC 3339 with milliseconds: how the API writes a time.
#[must_use]
pub fn rfc3339_millis(at: Timestamp) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// RFC 3339 with microseconds: how the topic writes a time, so that a consumer can recompute an entry's hash.
#[must_use]
pub fn rfc3339_micros(at: Timestamp) -> String {
    at.to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// The moment cut to whole microseconds, the finest that Postgres stores.
#[must_use]
pub fn whole_micros(at: Timestamp) -> Timestamp {
    at.trunc_subsecs(6)
}
