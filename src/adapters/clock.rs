//! The system's clock. No other file reads it.

use std::time::Duration;

use chrono::Utc;
use rustix::time::{ClockId, clock_gettime};
use shaku::Component;

use crate::kernel::clock::{Clock, Timestamp, whole_micros};

/// On Linux `CLOCK_MONOTONIC`, and with it `std::time::Instant`, stops while the machine is suspended;
/// `CLOCK_BOOTTIME` does not (clock_gettime(2)).
#[cfg(target_os = "linux")]
const SINCE_BOOT: ClockId = ClockId::Boottime;
#[cfg(not(target_os = "linux"))]
const SINCE_BOOT: ClockId = ClockId::Monotonic;

/// Reads the time of this machine, in whole microseconds.
#[derive(Component, Default)]
#[shaku(interface = Clock)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        whole_micros(Utc::now())
    }

    fn since_boot(&self) -> Duration {
        // Never negative, and less than a second in nanoseconds.
        Duration::try_from(clock_gettime(SINCE_BOOT)).unwrap_or_default()
    }
}
