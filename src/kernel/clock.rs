//! Time: UTC, in whole microseconds, as Postgres keeps it.

use chrono::{DateTime, SecondsFormat, SubsecRound, Utc};
use shaku::Interface;

/// A moment in UTC.
pub type Timestamp = DateTime<Utc>;

/// Tells the time. The time of money is not asked here: a batch takes it from Postgres, under its locks.
pub trait Clock: Interface {
    /// This moment.
    fn now(&self) -> Timestamp;
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
