//! The results of a run, as data.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    args::Args, bank::Settled, baseline::BaselineRow, fill::Filled, lag::Lag, measure::Measurement,
    postgres::Facts, process::Cpu, scenario::Scenario, server::Audited,
};

/// The maximum lag behind the books of a run that counts.
pub const LAG_MAX_MS: f64 = 5_000.0;

/// A whole run; `load.json` is this.
#[derive(Debug, Serialize)]
pub struct Report {
    /// RFC 3339.
    pub measured_at: String,
    /// The whole run.
    pub took_seconds: f64,
    /// The commit that was measured, and whether the tree had changes on top of it.
    pub revision: String,
    pub machine: Machine,
    pub postgres: Facts,
    pub quick: bool,
    pub wallets: u32,
    pub ratios: Vec<Ratio>,
    pub scenarios: Vec<Row>,
    pub baseline: Vec<BaselineRow>,
    /// What became of the payouts beside scenarios.
    pub payouts: Vec<Settled>,
    /// From the answer of a write until the cache shows it, at half of the peak rate.
    pub freshness: Option<Freshness>,
    /// The database that was filled before the last scenarios, if there was one.
    pub filled: Option<Filled>,
    /// Of each database of the service.
    pub audits: Vec<Audited>,
    /// Why the run does not count; empty if it does.
    pub problems: Vec<String>,
}

/// The ratio of two figures of the run.
#[derive(Clone, Debug, Serialize)]
pub struct Ratio {
    pub what: &'static str,
    pub against: &'static str,
    pub value: f64,
    pub unit: &'static str,
    /// The required value and the aim; the required value is a maximum if the aim is smaller.
    pub at_least: f64,
    pub aim: f64,
}

impl Ratio {
    pub fn is_reached(&self) -> bool {
        if self.aim < self.at_least { self.value <= self.at_least } else { self.value >= self.at_least }
    }
}

#[derive(Debug, Serialize)]
pub struct Machine {
    pub cpus: usize,
    pub cpu_model: String,
    pub memory_gib: f64,
    pub kernel: String,
}

/// The measurement of one scenario. Latencies are milliseconds.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    pub name: &'static str,
    pub operation: &'static str,
    #[serde(rename = "spread")]
    pub distribution: &'static str,
    pub connections: usize,
    /// Entries in the books before it.
    pub entries: i64,
    /// Requests offered a second; none: each connection sends when it is answered.
    pub offered: Option<f64>,
    pub seconds: f64,
    /// Good answers a second.
    pub rate: f64,
    /// The first second's rate as a share of the whole.
    pub first_second: f64,
    pub p50_ms: f64,
    pub p99_ms: f64,
    pub p999_ms: f64,
    pub max_ms: f64,
    /// Answers with another status, by status, and requests without an answer.
    pub others: BTreeMap<u16, u64>,
    pub unanswered: u64,
    /// CPUs in use on average.
    pub cpu: Cpu,
    pub wal_bytes_each: f64,
    /// Resident memory of the service after it, and the most since its start.
    pub memory_mib: f64,
    pub memory_peak_mib: f64,
    pub topic_behind_ms: f64,
    pub refresher_behind_ms: f64,
    pub cache_caught_up_ms: Option<f64>,
    /// The mean of each of the service's own histograms over the measurement.
    pub service_means: BTreeMap<String, f64>,
}

/// The costs of a measurement.
pub struct Costs {
    /// Entries in the books before.
    pub entries: i64,
    pub cpu: Cpu,
    pub wal_bytes: f64,
    pub memory_mib: (f64, f64),
    pub service_means: BTreeMap<String, f64>,
}

/// Milliseconds.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Freshness {
    pub probes: u64,
    pub p50_ms: f64,
    pub p99_ms: f64,
    pub max_ms: f64,
}

impl Row {
    pub fn new(
        scenario: &Scenario,
        offered: Option<f64>,
        measured: &Measurement,
        costs: Costs,
        lag: Lag,
    ) -> Self {
        Self {
            name: scenario.name,
            operation: scenario.operation.as_str(),
            distribution: scenario.distribution.as_str(),
            connections: scenario.connections,
            entries: costs.entries,
            offered,
            seconds: measured.seconds,
            rate: measured.rate(),
            first_second: measured.first_second(),
            p50_ms: measured.millis(50.0),
            p99_ms: measured.millis(99.0),
            p999_ms: measured.millis(99.9),
            max_ms: measured.longest_millis(),
            others: measured.others.clone(),
            unanswered: measured.broken,
            cpu: costs.cpu.per(measured.seconds),
            wal_bytes_each: costs.wal_bytes / measured.answered.max(1) as f64,
            memory_mib: costs.memory_mib.0,
            memory_peak_mib: costs.memory_mib.1,
            topic_behind_ms: lag.topic_behind_ms,
            refresher_behind_ms: lag.refresher_behind_ms,
            cache_caught_up_ms: lag.cache_caught_up_ms,
            service_means: costs.service_means,
        }
    }

    /// Why this measurement does not count.
    pub fn problems(&self) -> Vec<String> {
        let mut found = Vec::new();
        let name = self.name;
        for (status, count) in &self.others {
            found.push(format!("{name}: {count} answers had status {status}"));
        }
        if self.unanswered > 0 {
            found.push(format!("{name}: {} requests got no answer", self.unanswered));
        }
        for (what, millis) in
            [("the topic", self.topic_behind_ms), ("the refresher", self.refresher_behind_ms)]
        {
            if millis > LAG_MAX_MS {
                found
                    .push(format!("{name}: {what} was {:.1} s behind when the load ended", millis / 1_000.0));
            }
        }
        match self.cache_caught_up_ms {
            None => found.push(format!("{name}: the cache never showed the last versions")),
            Some(millis) if millis > LAG_MAX_MS => {
                found.push(format!(
                    "{name}: the cache showed the last versions only after {:.1} s",
                    millis / 1_000.0
                ));
            }
            Some(_) => {}
        }
        found
    }
}

impl Freshness {
    /// Why it does not count.
    pub fn problem(&self) -> Option<String> {
        let is_late = self.max_ms > LAG_MAX_MS;
        is_late
            .then(|| format!("an answered write was in the cache only after {:.1} s", self.max_ms / 1_000.0))
    }
}

impl Report {
    pub fn begin(
        args: &Args,
        postgres: Facts,
        machine: Machine,
        revision: String,
        measured_at: String,
    ) -> Self {
        Self {
            measured_at,
            took_seconds: 0.0,
            revision,
            machine,
            postgres,
            quick: args.quick,
            wallets: args.wallets,
            ratios: Vec::new(),
            scenarios: Vec::new(),
            baseline: Vec::new(),
            payouts: Vec::new(),
            freshness: None,
            filled: None,
            audits: Vec::new(),
            problems: Vec::new(),
        }
    }
}
