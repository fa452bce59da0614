//! The report as a page.

use std::fmt::Write;

use super::report::{Report, Row};

/// More than that for other programs, and the figures are not to be trusted. Interrupts and housekeeping take some.
const QUIET_CPUS: f64 = 0.3;

/// The page; `load.md` is this.
pub fn page(report: &Report) -> String {
    let mut page = String::new();
    // Writing to a String cannot fail.
    let _written = write_page(report, &mut page);
    page
}

fn write_page(report: &Report, page: &mut String) -> std::fmt::Result {
    let machine = &report.machine;
    writeln!(page, "# Load, measured {}\n", report.measured_at)?;
    if report.problems.is_empty() {
        writeln!(page, "The run counts: topic and cache kept up, and the audit found nothing.\n")?;
    } else {
        writeln!(page, "**This run does not count:**\n")?;
        for problem in &report.problems {
            writeln!(page, "- {}", problem.replace('\n', "\n  "))?;
        }
        writeln!(page)?;
    }
    writeln!(
        page,
        "Revision {}{}. {} CPUs ({}), {:.0} GiB, Linux {}; everything shares them: service, Postgres, Kafka, Redis, the load generator. Postgres {}{}; {}. {} wallets.\n",
        report.revision,
        if report.quick { ", quick run" } else { "" },
        machine.cpus,
        machine.cpu_model,
        machine.memory_gib,
        machine.kernel,
        report.postgres.version,
        report
            .postgres
            .fdatasync_ms
            .map_or_else(String::new, |ms| format!(", write and fdatasync {ms:.2} ms")),
        report
            .postgres
            .settings
            .iter()
            .map(|(name, value)| format!("{name} = {value}"))
            .collect::<Vec<_>>()
            .join(", "),
        report.wallets,
    )?;
    let others = report
        .scenarios
        .iter()
        .map(|row| row.cpu.others)
        .chain(report.baseline.iter().map(|row| row.cpu.others));
    let most = others.fold(0.0, f64::max);
    if most > QUIET_CPUS {
        writeln!(
            page,
            "**The machine was not quiet:** something else took up to {most:.1} CPUs meanwhile, so that every figure is worse than it would be, and the ratios are not to be trusted.\n"
        )?;
    }
    ratios(report, page)?;
    scenarios(report, page)?;
    baseline(report, page)?;
    costs(report, page)
}

fn ratios(report: &Report, page: &mut String) -> std::fmt::Result {
    writeln!(page, "## Ratios\n")?;
    writeln!(page, "| what | against | measured | at least | aim | |")?;
    writeln!(page, "| --- | --- | ---: | ---: | ---: | --- |")?;
    for ratio in &report.ratios {
        let unit = ratio.unit;
        let reached = if ratio.is_reached() { "reached" } else { "**missed**" };
        writeln!(
            page,
            "| {} | {} | {} {unit} | {} {unit} | {} {unit} | {reached} |",
            ratio.what,
            ratio.against,
            figure(ratio.value),
            figure(ratio.at_least),
            figure(ratio.aim)
        )?;
    }
    if let Some(fresh) = report.freshness {
        writeln!(
            page,
            "\nAn answered write was in the cache after {} ms (p50), {} ms (p99), {} ms (longest of {} probes) at half of the peak rate.",
            figure(fresh.p50_ms),
            figure(fresh.p99_ms),
            figure(fresh.max_ms),
            fresh.probes
        )?;
    }
    writeln!(page)
}

fn scenarios(report: &Report, page: &mut String) -> std::fmt::Result {
    writeln!(page, "## The service over HTTP\n")?;
    writeln!(
        page,
        "Open loop where a rate was offered: latency counts from the moment at which a request was due. Elsewhere each connection sends its next request when it is answered. Latencies and lags in ms.\n"
    )?;
    writeln!(
        page,
        "| scenario | connections | offered/s | answered/s | first second | p50 | p99 | p99.9 | longest | topic behind | refresher behind | cache caught up after |"
    )?;
    writeln!(page, "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")?;
    for row in &report.scenarios {
        writeln!(
            page,
            "| {} | {} | {} | {:.0} | {:.2} × | {} | {} | {} | {} | {:.0} | {:.0} | {} |",
            row.name,
            row.connections,
            row.offered.map_or_else(|| "peak".to_owned(), |rate| format!("{rate:.0}")),
            row.rate,
            row.first_second,
            figure(row.p50_ms),
            figure(row.p99_ms),
            figure(row.p999_ms),
            figure(row.max_ms),
            row.topic_behind_ms,
            row.refresher_behind_ms,
            row.cache_caught_up_ms.map_or_else(|| "never".to_owned(), |ms| format!("{ms:.0}")),
        )?;
    }
    writeln!(page)
}

fn baseline(report: &Report, page: &mut String) -> std::fmt::Result {
    if report.baseline.is_empty() {
        return Ok(());
    }
    writeln!(page, "## The same transfer in plain SQL\n")?;
    writeln!(
        page,
        "`benches/load/sql/transfer.sql` under `pgbench -M prepared`{}, no HTTP, no topic, no cache, on the same tables and indexes; the best counts.\n",
        if report.postgres.socket.is_some() { " over the unix socket" } else { " over TCP" }
    )?;
    writeln!(
        page,
        "| wallets | clients | transfers/s | p50 ms | p99 ms | p99.9 ms | WAL bytes each | CPUs: Postgres | pgbench | others |"
    )?;
    writeln!(page, "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")?;
    for row in &report.baseline {
        writeln!(
            page,
            "| {} | {} | {:.0} | {} | {} | {} | {:.0} | {:.2} | {:.2} | {:.2} |",
            row.spread,
            row.clients,
            row.rate,
            figure(row.p50_ms),
            figure(row.p99_ms),
            figure(row.p999_ms),
            row.wal_bytes_each,
            row.cpu.postgres,
            row.cpu.generator,
            row.cpu.others
        )?;
    }
    writeln!(page)
}

fn costs(report: &Report, page: &mut String) -> std::fmt::Result {
    writeln!(page, "## Where the time goes\n")?;
    writeln!(page, "CPUs in use on average, of {}; memory of the service in MiB.\n", report.machine.cpus)?;
    writeln!(
        page,
        "| scenario | service | Postgres | Kafka | Redis | generator | others | service µs each | Postgres µs each | WAL bytes each | memory | most |"
    )?;
    writeln!(page, "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")?;
    for row in &report.scenarios {
        let cpu = &row.cpu;
        writeln!(
            page,
            "| {} | {:.2} | {:.2} | {:.2} | {:.2} | {:.2} | {:.2} | {:.0} | {:.0} | {:.0} | {:.0} | {:.0} |",
            row.name,
            cpu.server,
            cpu.postgres,
            cpu.kafka,
            cpu.redis,
            cpu.generator,
            cpu.others,
            cpu.server / row.rate * 1e6,
            cpu.postgres / row.rate * 1e6,
            row.wal_bytes_each,
            row.memory_mib,
            row.memory_peak_mib
        )?;
    }
    means(&report.scenarios, page)
}

/// The service's own histograms, for the measurements that write.
fn means(rows: &[Row], page: &mut String) -> std::fmt::Result {
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

/// Three figures that count are enough.
fn figure(value: f64) -> String {
    match value {
        v if v >= 100.0 => format!("{v:.0}"),
        v if v >= 10.0 => format!("{v:.1}"),
        v => format!("{v:.2}"),
    }
}

/// Seconds may be small.
fn exact(value: f64) -> String {
    if value >= 1.0 { figure(value) } else { format!("{value:.6}") }
}
