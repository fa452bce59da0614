//! The part of the page about costs: CPU, memory, log and the service's own histograms.

use std::fmt::Write;

use super::{
    format::figure,
    process::Cpu,
    report::{Report, Row},
};

type Used = fn(&Cpu) -> f64;
/// The users of the CPUs, and their use.
const USERS: [(&str, Used); 6] = [
    ("service", |cpu| cpu.server),
    ("Postgres", |cpu| cpu.postgres),
    ("Kafka", |cpu| cpu.kafka),
    ("Redis", |cpu| cpu.redis),
    ("generator", |cpu| cpu.generator),
    ("others", |cpu| cpu.others),
];

/// CPUs, memory and log, and the service's own histograms.
pub fn cost_report(report: &Report, page: &mut String) -> std::fmt::Result {
    let users: Vec<&str> = USERS.iter().map(|(user, _)| *user).collect();
    writeln!(page, "## Where the time goes\n")?;
    writeln!(
        page,
        "CPUs in use on average, of {}, with what topic and cache still did after the load had ended; memory of the service in MiB.\n",
        report.machine.cpus
    )?;
    writeln!(page, "| scenario | {} | WAL bytes each | memory | most |", users.join(" | "))?;
    writeln!(page, "| --- |{}", " ---: |".repeat(USERS.len() + 3))?;
    for row in &report.scenarios {
        let (wal, memory, most) = (row.wal_bytes_each, row.memory_mib, row.memory_peak_mib);
        let cpus = cells(row, |cpus| format!("{cpus:.2}"));
        writeln!(page, "| {} | {cpus} | {wal:.0} | {memory:.0} | {most:.0} |", row.name)?;
    }
    writeln!(page, "\nCPU time of each answer, in microseconds:\n")?;
    writeln!(page, "| scenario | {} |", users.join(" | "))?;
    writeln!(page, "| --- |{}", " ---: |".repeat(USERS.len()))?;
    for row in &report.scenarios {
        let micros = cells(row, |cpus| format!("{:.0}", cpus / row.rate * 1e6));
        writeln!(page, "| {} | {micros} |", row.name)?;
    }
    histogram_table(&report.scenarios, page)
}

fn cells(row: &Row, text: impl Fn(f64) -> String) -> String {
    USERS.iter().map(|(_, of)| text(of(&row.cpu))).collect::<Vec<_>>().join(" | ")
}

/// The service's own histograms, for the transfers.
fn histogram_table(rows: &[Row], page: &mut String) -> std::fmt::Result {
    let rows: Vec<&Row> =
        rows.iter().filter(|row| row.operation == "transfer" && !row.service_means.is_empty()).collect();
    let Some(first) = rows.first() else { return Ok(()) };
    writeln!(page, "\nMeans of the service's own histograms (`/metrics`) over each measurement:\n")?;
    let names: Vec<&str> = rows.iter().map(|row| row.name).collect();
    writeln!(page, "| | {} |", names.join(" | "))?;
    writeln!(page, "| --- |{}", " ---: |".repeat(names.len()))?;
    for name in first.service_means.keys() {
        let value = |row: &&Row| row.service_means.get(name).map_or_else(String::new, |mean| exact(*mean));
        writeln!(page, "| `{name}` | {} |", rows.iter().map(value).collect::<Vec<_>>().join(" | "))?;
    }
    Ok(())
}

/// With digits enough for short times.
fn exact(value: f64) -> String {
    if value >= 1.0 { figure(value) } else { format!("{value:.6}") }
}
