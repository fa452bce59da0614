//! The figures of a run beside each other: what must be reached is said in ratios, which hold on any machine.

use super::{
    baseline::BaselineRow,
    report::{Freshness, Ratio, Row},
};

/// The best of 64 and 256 connections counts.
pub const EVEN_PEAKS: [&str; 2] = ["transfers-64", "transfers-256"];
pub const FILLED_PEAKS: [&str; 2] = ["filled-64", "filled-256"];

/// The faster one of two scenarios.
pub fn best<'a>(rows: &'a [Row], names: [&str; 2]) -> Option<&'a Row> {
    rows.iter().filter(|row| names.contains(&row.name)).max_by(|one, other| one.rate.total_cmp(&other.rate))
}

/// What the run says against what it must reach; only what was measured.
pub fn ratios(rows: &[Row], baseline: &[BaselineRow], freshness: Option<Freshness>) -> Vec<Ratio> {
    let named = |name: &str| rows.iter().find(|row| row.name == name);
    let rate = |names: [&str; 2]| best(rows, names).map(|row| row.rate);
    let sql = |distribution: &str| {
        baseline
            .iter()
            .filter(|row| row.distribution == distribution)
            .map(|row| row.rate)
            .max_by(f64::total_cmp)
    };
    let sql_p99 =
        baseline.iter().find(|row| row.distribution == "even" && row.clients == 64).map(|row| row.p99_ms);
    let due_later = named("due-later-256").map(|row| row.rate);
    let half_p99 = named("transfers-half").map(|row| row.p99_ms);
    let first_second = named("transfers-64").map(|row| row.first_second);
    let full = rows.iter().filter(|row| row.operation == "transfer" && row.offered.is_none());
    let most = |of: fn(&Row) -> f64| full.clone().map(of).max_by(f64::total_cmp);
    let behind = named("transfers-minute").map(|row| row.topic_behind_ms);
    let behind = behind.or_else(|| most(|row| row.topic_behind_ms)).map(|millis| millis / 1_000.0);
    let over = |a: Option<f64>, b: Option<f64>| Some(a? / b?);
    let (even, read) = (rate(EVEN_PEAKS), rate(["reads-64", "reads-256"]));
    let receiver = rate(["hot-receiver-64", "hot-receiver-256"]);
    let sender = rate(["hot-sender-64", "hot-sender-256"]);
    let cpu = |names| best(rows, names).map(|row| (row.cpu.server + row.cpu.postgres) / row.rate);
    let fresh = freshness.map(|f| f.p99_ms);

    let all = [
        ("transfers/s, many wallets", "plain SQL, many wallets", over(even, sql("even")), "×", 2.5, 4.0),
        ("transfers/s, one hot receiver", "our own, many wallets", over(receiver, even), "×", 0.8, 1.0),
        ("transfers/s, one hot sender", "our own, many wallets", over(sender, even), "×", 0.8, 1.0),
        (
            "transfers/s, one hot receiver",
            "plain SQL, one hot receiver",
            over(receiver, sql("hot receiver")),
            "×",
            5.0,
            10.0,
        ),
        (
            "transfers/s, one hot sender",
            "plain SQL, one hot sender",
            over(sender, sql("hot sender")),
            "×",
            5.0,
            10.0,
        ),
        (
            "transfers/s while 10,000 releases of many wallets become due",
            "the same while they wait",
            over(named("due-many-wallets-256").map(|row| row.rate), due_later),
            "×",
            0.9,
            1.0,
        ),
        (
            "transfers/s while 10,000 releases of one wallet become due",
            "the same while they wait",
            over(named("due-one-wallet-256").map(|row| row.rate), due_later),
            "×",
            0.9,
            1.0,
        ),
        ("transfers/s in the first second", "the same measurement's mean", first_second, "×", 0.8, 0.9),
        ("p99 at half of the peak", "plain SQL's p99 at 64 clients", over(half_p99, sql_p99), "×", 0.5, 0.25),
        ("topic behind the books, at the end of full load", "", behind, "s", 5.0, 1.0),
        ("reads/s from the cache", "transfers/s, many wallets", over(read, even), "×", 3.0, 5.0),
        (
            "reads/s from the cache",
            "the HTTP server's own hello",
            over(read, named("hello-64").map(|row| row.rate)),
            "×",
            0.5,
            0.8,
        ),
        ("cache fresh after an answer, p99 at half of the peak", "", fresh, "ms", 100.0, 20.0),
        (
            "time of a transfer (1/rate), filled database",
            "fresh database",
            over(even, rate(FILLED_PEAKS)),
            "×",
            1.3,
            1.1,
        ),
        (
            "CPU of a transfer (service and Postgres), filled database",
            "fresh database",
            over(cpu(FILLED_PEAKS), cpu(EVEN_PEAKS)),
            "×",
            1.3,
            1.1,
        ),
        ("memory of the service at its most", "", most(|row| row.memory_peak_mib), "MiB", 200.0, 100.0),
    ];
    all.into_iter()
        .filter_map(|(what, against, value, unit, at_least, aim)| {
            Some(Ratio { what, against, value: value?, unit, at_least, aim })
        })
        .collect()
}
