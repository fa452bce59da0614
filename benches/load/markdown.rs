//! The report as a page.

use std::fmt::Write;

use super::{cost_report::cost_report, format::figure, report::Report};

/// Above this use the load generator, which is one thread, may limit the rate.
const BUSY_GENERATOR_CPUS: f64 = 0.8;
/// Above this use by other programs the figures are not reliable. Interrupts and housekeeping take some.
const OTHERS_CPUS_MAX: f64 = 0.3;

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
        writeln!(
            page,
            "The run counts: topic and cache kept up, the audit found nothing, and the topics have what the books have.\n"
        )?;
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
    if most > OTHERS_CPUS_MAX {
        writeln!(
            page,
            "**The machine was not quiet:** something else took up to {most:.1} CPUs meanwhile, so that every figure is worse than it would be, and the ratios are not to be trusted.\n"
        )?;
    }
    let busy: Vec<&str> = report
        .scenarios
        .iter()
        .filter(|row| row.cpu.generator > BUSY_GENERATOR_CPUS)
        .map(|row| row.name)
        .collect();
    if !busy.is_empty() {
        writeln!(page, "**The load generator was the bottleneck, or nearly so:** {}.\n", busy.join(", "))?;
    }
    writeln!(page, "![Transfers a second, the wallet beside plain SQL](load.svg)\n")?;
    ratios(report, page)?;
    scenarios(report, page)?;
    baseline(report, page)?;
    cost_report(report, page)
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
    writeln!(
        page,
        "\n`Book::apply`, the decision alone, is measured by a benchmark of its own (docs/benchmarks/README.md)."
    )?;
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
    if let Some(filled) = report.filled {
        writeln!(
            page,
            "\nThe filled database began with {} entries ({:.1} GiB with all indexes), the same number for each wallet; filling took {:.0} s.",
            filled.entries, filled.gib, filled.seconds
        )?;
    }
    for audit in &report.audits {
        let found = if audit.found.is_none() { "nothing" } else { "**something**" };
        writeln!(
            page,
            "\nThe audit of {} entries and their topics took {:.1} s and found {found}.",
            audit.entries, audit.seconds
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
        "| scenario | connections | entries before | offered/s | answered/s | first second | p50 | p99 | p99.9 | longest | topic behind | refresher behind | cache caught up after |"
    )?;
    writeln!(page, "| --- |{}", " ---: |".repeat(12))?;
    for row in &report.scenarios {
        writeln!(
            page,
            "| {} | {} | {} | {} | {:.0} | {:.2} × | {} | {} | {} | {} | {:.0} | {:.0} | {} |",
            row.name,
            row.connections,
            row.entries,
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
            row.distribution,
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
