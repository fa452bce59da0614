//! The command line of the benchmark.

use std::path::PathBuf;

use clap::Parser;

/// Drives the release build over HTTP with Kafka and Redis running, and beside it the same transfer as one plain-SQL
/// transaction under pgbench, on the same Postgres in the same run. Prints a table, and writes it with a JSON file.
///
/// Needs DATABASE_URL (a role that may create databases), REDIS_URL and KAFKA_BROKERS; makes databases, topics and keys
/// of its own and deletes them at the end. Exit code 1: the run does not count, and the last lines say why.
#[derive(Debug, Parser)]
#[command(name = "scripts/bench")]
pub struct Args {
    /// Fewer and shorter measurements: under two minutes in all
    #[arg(long)]
    pub quick: bool,

    /// Seconds for each measurement of the service [default: 20, quick: 4]
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub seconds: Option<u64>,

    /// Wallets that a spread load is spread over
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(2..=1_000_000))]
    pub wallets: u32,

    /// Entries that lie in the books before the last scenarios; 0 leaves those out [default: 10000000, quick: 0]
    #[arg(long)]
    pub entries: Option<u64>,

    /// Only the scenarios whose name holds this text; may be given several times
    #[arg(long, value_name = "TEXT")]
    pub only: Vec<String>,

    /// Leave the plain-SQL baseline out
    #[arg(long)]
    pub no_baseline: bool,

    /// Where load.json and load.md are written
    #[arg(long, value_name = "DIRECTORY", default_value = "target/bench")]
    pub out: PathBuf,

    /// The service to measure [default: the one just built]
    #[arg(long, value_name = "FILE", default_value = env!("CARGO_BIN_EXE_wallet"), hide_default_value = true)]
    pub binary: PathBuf,

    /// Cargo adds it to every benchmark
    #[arg(long, hide = true)]
    pub bench: bool,
}

impl Args {
    /// Entries in the filled database; none: it is left out.
    pub fn entries(&self) -> Option<u64> {
        Some(self.entries.unwrap_or(if self.quick { 0 } else { 10_000_000 })).filter(|entries| *entries > 0)
    }

    /// Whether a scenario of this name is asked for.
    pub fn wants(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|text| name.contains(text.as_str()))
    }

    /// How long the service is measured at a time.
    pub fn seconds(&self) -> u64 {
        self.seconds.unwrap_or(if self.quick { 4 } else { 20 })
    }

    /// How long pgbench runs at a time. Shorter, as it is run for each number of clients and only its best counts; in a
    /// quick run it is not run for each.
    pub fn baseline_seconds(&self) -> u64 {
        if self.quick && self.seconds.is_none() { 5 } else { self.seconds().div_ceil(2).max(3) }
    }
}
