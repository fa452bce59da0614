//! The load benchmark: the service over HTTP beside plain SQL, on the same Postgres in the same run. `--help` explains how
//! to run it, `docs/benchmarks/README.md` how to read what comes out.

// Measured values are far below the limits of the types.
#![allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]

mod args;
mod bank;
mod baseline;
mod chart;
mod connection;
mod cost_report;
mod fill;
mod format;
mod generator;
mod histogram_means;
mod lag;
mod markdown;
mod measure;
mod postgres;
mod process;
mod ratio;
mod report;
mod request;
mod run;
mod scenario;
mod server;
mod wallets;

use std::{env, fs, process::ExitCode, time::Instant};

use anyhow::{Context, Result, ensure};
use clap::Parser;
use tokio::task::LocalSet;

use args::Args;
use report::{Machine, Report};

/// One thread for everything: the generator shares the machine with what it measures.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let args = Args::parse();
    if !args.bench {
        // `cargo test --benches` runs this too, and has not asked for ten minutes of load.
        println!("Nothing to test here: scripts/bench measures.");
        return ExitCode::SUCCESS;
    }
    match LocalSet::new().run_until(Box::pin(bench(&args))).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Whether the run counts.
async fn bench(args: &Args) -> Result<bool> {
    let began = Instant::now();
    let variable = |name: &str| {
        env::var(name)
            .ok()
            .filter(|value| !value.is_empty())
            .with_context(|| format!("{name} must be set (scripts/bench sets it)"))
    };
    let servers = run::Servers {
        database_url: variable("DATABASE_URL")?,
        redis_url: variable("REDIS_URL")?,
        kafka_brokers: variable("KAFKA_BROKERS")?,
    };
    ensure!(
        args.entries().is_none() || args.wallets.is_multiple_of(2),
        "the wallets of a filled database stand in pairs: --wallets must be even, or --entries 0"
    );
    fs::create_dir_all(&args.out)?;
    let mut postgres = postgres::Postgres::connect(&servers.database_url).await?;
    let mut report = Report::begin(args, postgres.facts.clone(), machine(), revision(), now());
    if !args.no_baseline {
        println!("Plain SQL under pgbench, {} s each:", args.baseline_seconds());
        report.baseline = baseline::measure(&mut postgres, args).await?;
    }
    run::service(args, &servers, &mut postgres, &mut report).await?;
    report.ratios = ratio::ratios(&report.scenarios, &report.baseline, report.freshness);

    report.took_seconds = began.elapsed().as_secs_f64();

    let page = markdown::page(&report);
    fs::write(args.out.join("load.json"), serde_json::to_string_pretty(&report)? + "\n")?;
    fs::write(args.out.join("load.md"), &page)?;
    fs::write(args.out.join("load.svg"), chart::chart(&report))?;
    println!("\n{page}\nWritten to {}: load.md, load.json, load.svg.", args.out.display());
    println!("It took {:.0} s.", report.took_seconds);
    for problem in &report.problems {
        println!("DOES NOT COUNT: {problem}");
    }
    Ok(report.problems.is_empty())
}

fn now() -> String {
    chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

/// The commit that is measured; `+` if the tree has changes on top of it.
fn revision() -> String {
    let git = |args: &[&str]| {
        let output = std::process::Command::new("git")
            .args(args)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let commit = git(&["rev-parse", "--short", "HEAD"]).unwrap_or_else(|| "unknown".to_owned());
    let changed =
        git(&["status", "--porcelain", "--untracked-files=no"]).is_some_and(|changes| !changes.is_empty());
    if changed { commit + "+" } else { commit }
}

fn machine() -> Machine {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let field = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    let memory = field(&read("/proc/meminfo"), "MemTotal").unwrap_or_default();
    let kib: f64 = memory.trim_end_matches(" kB").parse().unwrap_or(0.0);
    Machine {
        cpus: std::thread::available_parallelism().map_or(0, usize::from),
        cpu_model: field(&read("/proc/cpuinfo"), "model name")
            .unwrap_or_else(|| env::consts::ARCH.to_owned()),
        memory_gib: kib / 1_024.0 / 1_024.0,
        kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
    }
}
