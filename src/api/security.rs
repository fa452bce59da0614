//! Security events: requests that were refused for their credentials or a limit. Each is counted, and the log has a
//! sample of them. Neither shows a token or a key.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use metrics::{counter, describe_counter};
use tokio::time::{Instant, sleep_until};

use crate::limits::{Class, Source};

/// Maximum number of lines in [`PERIOD`].
const LINES_MAX: u32 = 10;
const PERIOD: Duration = Duration::from_secs(1);

/// The reason for refusing a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecurityEvent {
    /// The token is not valid now.
    Token,
    /// The service key is wrong.
    Key,
    /// An address and a password do not belong together, or a refresh token is not accepted.
    Password,
    /// The signature of a callback is missing, wrong or too old.
    Signature,
    /// The token does not allow this.
    Scope,
    /// A quota is used up.
    Limit(Class),
}

impl SecurityEvent {
    /// The reason in log lines and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Key => "key",
            Self::Password => "password",
            Self::Signature => "signature",
            Self::Scope => "scope",
            Self::Limit(Class::Refusals) => "limit_refusals",
            Self::Limit(Class::Failures) => "limit_failures",
            Self::Limit(Class::Moves) => "limit_moves",
            Self::Limit(Class::Inits) => "limit_inits",
        }
    }
}

/// Counts security events and logs a sample of them. Clones share the sample.
#[derive(Clone)]
pub struct SecurityLog(Arc<Mutex<Sample>>);

/// The number of events since a time: logged, and left out.
struct Sample {
    since: Instant,
    lines: u32,
    left_out: u64,
}

impl SecurityLog {
    /// A log without events.
    #[must_use]
    pub fn new() -> Self {
        describe_counter!(
            "wallet_security_events_total",
            "Requests refused for their credentials or a limit"
        );
        Self(Arc::new(Mutex::new(Sample { since: Instant::now(), lines: 0, left_out: 0 })))
    }

    /// Counts an event of the current request, and logs it if there is room.
    pub fn record(&self, event: SecurityEvent, source: Source, route: &str) {
        let reason = event.as_str();
        counter!("wallet_security_events_total", "reason" => reason).increment(1);
        if self.takes_a_line(Instant::now()) {
            tracing::warn!(reason, %source, route, "a request was turned away");
        }
    }

    /// Whether there is api for another line. The first event without api has what was left out logged at the period's end.
    fn takes_a_line(&self, now: Instant) -> bool {
        let mut sample = self.lock();
        // What was left out is logged by its own task, which begins the next sample, too.
        if sample.left_out == 0 && now >= sample.since + PERIOD {
            *sample = Sample { since: now, lines: 0, left_out: 0 };
        }
        if sample.lines < LINES_MAX {
            sample.lines += 1;
            return true;
        }
        sample.left_out += 1;
        if sample.left_out == 1 {
            let (log, ends_at) = (self.clone(), sample.since + PERIOD);
            tokio::spawn(async move {
                sleep_until(ends_at).await;
                log.end_sample();
            });
        }
        false
    }

    fn end_sample(&self) {
        let mut sample = self.lock();
        let left_out = sample.left_out;
        *sample = Sample { since: Instant::now(), lines: 0, left_out: 0 };
        drop(sample);
        tracing::warn!(left_out, "more requests were turned away within a second than are logged");
    }

    fn lock(&self) -> MutexGuard<'_, Sample> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn at_most_ten_lines_a_second_are_logged_and_the_rest_is_summed_up() {
        let log = SecurityLog::new();
        let since = || log.lock().since;
        let left_out = || log.lock().left_out;
        let lines = |at| (0..25).filter(|_| log.takes_a_line(at)).count();
        let begin = since();
        assert_eq!((lines(begin), left_out()), (10, 15));
        log.end_sample();
        let next = since();
        assert_eq!((lines(next), left_out()), (10, 15));
        let quiet = SecurityLog::new();
        assert_eq!((0..30).filter(|n| quiet.takes_a_line(begin + PERIOD * *n / 9)).count(), 30);
    }
}
