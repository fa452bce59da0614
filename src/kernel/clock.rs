//! Time: UTC, in whole microseconds, as Postgres stores it.

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, SubsecRound, Utc};
use shaku::Interface;

/// A moment in UTC.
pub type Timestamp = DateTime<Utc>;

/// The clocks of this machine. A batch of the ledger takes its time from Postgres, under its locks, and compares it with
/// these.
pub trait Clock: Interface {
    /// The time of the wall clock, which may be set.
    fn now(&self) -> Timestamp;

    /// The time since this machine booted, including suspension. This clock is never set.
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
