//! The system's clock: the only place that reads it.

use chrono::Utc;
use shaku::Component;

use crate::kernel::clock::{Clock, Timestamp, whole_micros};

/// Tells the time of this machine, in whole microseconds.
#[derive(Component, Default)]
#[shaku(interface = Clock)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        whole_micros(Utc::now())
    }
}
