//! Counts and latencies of a measurement.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use anyhow::Result;
use hdrhistogram::Histogram;

/// The longest latency that is recorded exactly, in microseconds.
const LATENCY_MAX_MICROS: u64 = 60_000_000;

/// Counts answers while the load runs.
pub struct Recorder {
    expected: u16,
    start: Instant,
    /// Good answers in each second of the load.
    per_second: Vec<u64>,
    /// Microseconds.
    latency: Histogram<u64>,
    /// The number of answers with another status, by status.
    others: BTreeMap<u16, u64>,
    /// Requests without an answer.
    broken: u64,
}

/// The result of a load.
pub struct Measurement {
    /// Good answers within the load's time.
    pub answered: u64,
    /// Of those, in each second.
    pub per_second: Vec<u64>,
    pub seconds: f64,
    pub latency: Histogram<u64>,
    pub others: BTreeMap<u16, u64>,
    pub broken: u64,
}

impl Recorder {
    pub fn new(expected: u16, start: Instant, length: Duration) -> Result<Self> {
        Ok(Self {
            expected,
            start,
            per_second: vec![0; length.as_secs() as usize],
            latency: Histogram::new_with_bounds(1, LATENCY_MAX_MICROS, 3)?,
            others: BTreeMap::new(),
            broken: 0,
        })
    }

    /// An answer came; `since` is when the request was sent or should have been.
    pub fn answered(&mut self, status: u16, since: Instant) {
        let now = Instant::now();
        if status != self.expected {
            *self.others.entry(status).or_default() += 1;
            return;
        }
        self.latency.saturating_record(now.duration_since(since).as_micros().max(1) as u64);
        let second = now.duration_since(self.start).as_secs() as usize;
        // What is answered after the load has ended counts for the latency, not for the rate.
        if let Some(count) = self.per_second.get_mut(second) {
            *count += 1;
        }
    }

    /// Adds requests without an answer.
    pub fn broken(&mut self, requests: u64) {
        self.broken += requests;
    }

    pub fn finish(self) -> Measurement {
        Measurement {
            answered: self.per_second.iter().sum(),
            seconds: self.per_second.len() as f64,
            per_second: self.per_second,
            latency: self.latency,
            others: self.others,
            broken: self.broken,
        }
    }
}

impl Measurement {
    /// Good answers a second.
    pub fn rate(&self) -> f64 {
        self.answered as f64 / self.seconds
    }

    /// The rate of the first second, as a share of the whole.
    pub fn first_second(&self) -> f64 {
        self.per_second.first().copied().unwrap_or(0) as f64 / self.rate()
    }

    /// The latency in milliseconds at this percentile.
    pub fn millis(&self, percent: f64) -> f64 {
        self.latency.value_at_percentile(percent) as f64 / 1_000.0
    }

    pub fn longest_millis(&self) -> f64 {
        self.latency.max() as f64 / 1_000.0
    }
}
