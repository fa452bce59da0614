//! The baseline: the same transfer as one plain-SQL transaction, many at once, by pgbench over the unix socket.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, anyhow, bail, ensure};
use serde::Serialize;
use sqlx::{Connection, PgConnection};

use super::{
    args::Args,
    postgres::Postgres,
    process::{Cpu, Processes},
    scenario::Distribution,
    server::migrate,
    wallets::FUNDS_CENTS,
};

/// The transfer; who sends and who receives stands in front of it.
const TRANSFER: &str = include_str!("sql/transfer.sql");
const DISTRIBUTIONS: [(Distribution, &str); 4] = [
    (Distribution::Even, include_str!("sql/even.sql")),
    (Distribution::Zipf, include_str!("sql/zipf.sql")),
    (Distribution::HotReceiver, include_str!("sql/hot_receiver.sql")),
    (Distribution::HotSender, include_str!("sql/hot_sender.sql")),
];
/// Numbers of clients; the best one counts.
const CLIENTS: [usize; 3] = [8, 32, 64];
/// What a quick run is content with: where the best is found as a rule, and where the p99 is taken.
const QUICK: [(Distribution, usize); 4] = [
    (Distribution::Even, 32),
    (Distribution::Even, 64),
    (Distribution::HotReceiver, 8),
    (Distribution::HotReceiver, 32),
];

/// One run of pgbench.
#[derive(Clone, Debug, Serialize)]
pub struct BaselineRow {
    #[serde(rename = "spread")]
    pub distribution: &'static str,
    pub clients: usize,
    pub seconds: u64,
    /// Transactions a second.
    pub rate: f64,
    pub p50_ms: f64,
    pub p99_ms: f64,
    pub p999_ms: f64,
    pub wal_bytes_each: f64,
    /// CPUs in use on average; the generator is pgbench.
    pub cpu: Cpu,
}

/// Measures every distribution with every number of clients, on a database of its own.
pub async fn measure(postgres: &mut Postgres, args: &Args) -> Result<Vec<BaselineRow>> {
    let name = format!("bench_{}_sql", std::process::id());
    let url = postgres.create(&name).await?;
    let rows = tokio::select! {
        biased;
        // Listened for, so that an interrupted pgbench, too, ends below.
        _ = tokio::signal::ctrl_c() => Err(anyhow!("interrupted")),
        rows = measure_on(postgres, &url, args) => rows,
    };
    postgres.drop(&name).await?;
    rows
}

async fn measure_on(postgres: &mut Postgres, url: &str, args: &Args) -> Result<Vec<BaselineRow>> {
    migrate(&args.binary, url)?;
    let mut conn = PgConnection::connect(url).await?;
    sqlx::query(OPEN_CUSTOMERS).bind(i64::from(args.wallets)).execute(&mut conn).await?;
    sqlx::query(OPEN_WALLETS).bind(i64::try_from(FUNDS_CENTS)?).execute(&mut conn).await?;
    sqlx::query("vacuum analyze").execute(&mut conn).await?;
    let processes = Processes { postmaster: postgres.postmaster().await?, ..Processes::default() };
    let seconds = args.baseline_seconds();
    let mut rows = Vec::new();
    for (distribution, chosen) in DISTRIBUTIONS {
        for clients in CLIENTS {
            if args.quick && !QUICK.contains(&(distribution, clients)) {
                continue;
            }
            postgres.checkpoint().await?;
            let (wal, cpu) = (postgres.wal_bytes().await?, processes.cpu());
            let script = format!("{chosen}{TRANSFER}");
            let run = pgbench(postgres, url, &script, clients, args.wallets, seconds)
                .with_context(|| format!("plain SQL, {}, {clients} clients", distribution.as_str()))?;
            let row = BaselineRow {
                distribution: distribution.as_str(),
                clients,
                seconds,
                rate: run.rate,
                p50_ms: run.p50_ms,
                p99_ms: run.p99_ms,
                p999_ms: run.p999_ms,
                wal_bytes_each: (postgres.wal_bytes().await? - wal) / (run.rate * seconds as f64),
                cpu: processes.cpu().since(&cpu).per(seconds as f64),
            };
            println!(
                "  plain SQL, {:<12} {clients:>3} clients  {:>7.0}/s  p50 {:>6.2} ms  p99 {:>7.2} ms",
                row.distribution, row.rate, row.p50_ms, row.p99_ms
            );
            rows.push(row);
        }
    }
    is_right(&mut conn).await?;
    Ok(rows)
}

/// Ids by number, so that the scripts can make them.
const OPEN_CUSTOMERS: &str = "insert into customers (id, xid)
    select id, id from (select ('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid as id
                        from generate_series(1, $1::bigint) n) ids";
const OPEN_WALLETS: &str =
    "insert into wallets (id, customer_id, currency, status, status_version, enabled_at, available)
    select id, id, 'USD', 1, 1, now(), $1 from customers";

/// A baseline that loses money is none.
async fn is_right(conn: &mut PgConnection) -> Result<()> {
    let sql = "select sum(version) = (select count(*) from entries)
                  and sum(available) = count(*) * $1::bigint + (select sum(delta_available) from entries)
                  and count(*) * $1::bigint = sum(available) + (select sum(fee) from transactions)
                  and (select count(*) from entries) = (select 2 * count(*) from transactions)
               from wallets";
    let right: bool = sqlx::query_scalar(sql).bind(i64::try_from(FUNDS_CENTS)?).fetch_one(conn).await?;
    ensure!(right, "the baseline's wallets do not equal the sums of their entries");
    Ok(())
}

struct Run {
    rate: f64,
    p50_ms: f64,
    p99_ms: f64,
    p999_ms: f64,
}

fn pgbench(
    postgres: &Postgres,
    url: &str,
    script: &str,
    clients: usize,
    wallets: u32,
    seconds: u64,
) -> Result<Run> {
    let directory = std::env::temp_dir().join(format!("bench-{}-pgbench", std::process::id()));
    fs::create_dir_all(&directory)?;
    let file = directory.join("transfer.sql");
    fs::write(&file, script)?;
    let target = match &postgres.facts.socket {
        Some(socket) => format!("{url}{}host={socket}", if url.contains('?') { '&' } else { '?' }),
        None => url.to_owned(),
    };
    let output = Command::new(program("pgbench")?)
        .current_dir(&directory)
        .args(["-n", "-M", "prepared", "-j", "2", "-l", "--sampling-rate=0.25"])
        .args(["-c", &clients.to_string(), "-T", &seconds.to_string(), "-D", &format!("wallets={wallets}")])
        .arg("-f")
        .arg(&file)
        .arg(target)
        .output()
        .context("pgbench")?;
    let (out, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let latencies = latencies_ms(&directory);
    fs::remove_dir_all(&directory)?;
    if !output.status.success() || !out.contains("number of failed transactions: 0 ") {
        bail!("pgbench failed:\n{out}{errors}");
    }
    let rate = out.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
    let rate = rate.with_context(|| format!("pgbench reported no rate:\n{out}"))?;
    let latencies = latencies?;
    let at = |share: f64| latencies.get((latencies.len() as f64 * share) as usize).copied().unwrap_or(0.0);
    Ok(Run { rate, p50_ms: at(0.5), p99_ms: at(0.99), p999_ms: at(0.999) })
}

/// The latencies that pgbench has logged, shortest first.
fn latencies_ms(directory: &Path) -> Result<Vec<f64>> {
    let mut latencies = Vec::new();
    for file in fs::read_dir(directory)? {
        let path = file?.path();
        if path.extension().is_some_and(|extension| extension == "sql") {
            continue;
        }
        let text = fs::read_to_string(path)?;
        let micros = text.lines().filter_map(|line| line.split(' ').nth(2)?.parse::<f64>().ok());
        latencies.extend(micros.map(|micros| micros / 1_000.0));
    }
    latencies.sort_by(f64::total_cmp);
    Ok(latencies)
}

/// A program of Postgres: of the path, or where Debian keeps the newest.
fn program(name: &str) -> Result<OsString> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut found: Vec<PathBuf> =
        std::env::split_paths(&path).map(|directory| directory.join(name)).collect();
    let mut versions: Vec<PathBuf> =
        fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|e| e.path()).collect();
    versions.sort();
    found.extend(versions.into_iter().rev().map(|version| version.join("bin").join(name)));
    let program = found.into_iter().find(|path| path.is_file());
    Ok(program
        .with_context(|| format!("{name} is not here: it comes with Postgres' client programs"))?
        .into())
}
