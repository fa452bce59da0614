//! The baseline: the same deposit as one plain-SQL transaction, many at once, by pgbench over the unix socket.

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
    postgres::Postgres,
    process::{Cpu, Processes},
    scenario::Spread,
    server::migrate,
};

/// Numbers of clients; the best one counts.
const CLIENTS: [usize; 3] = [8, 32, 64];
/// The scripts, and what each stands beside.
const SCRIPTS: [(&str, Spread); 2] = [("deposit.sql", Spread::Even), ("deposit_hot.sql", Spread::Hot)];

/// One run of pgbench.
#[derive(Clone, Debug, Serialize)]
pub struct BaselineRow {
    pub script: &'static str,
    pub spread: &'static str,
    pub clients: usize,
    pub seconds: u64,
    /// Transactions a second.
    pub rate: f64,
    pub p50_ms: f64,
    pub p99_ms: f64,
    pub wal_bytes_each: f64,
    /// CPUs in use on average; the generator is pgbench.
    pub cpu: Cpu,
}

/// Measures every script with every number of clients on a database of its own.
pub async fn measure(
    postgres: &mut Postgres,
    binary: &Path,
    wallets: u32,
    seconds: u64,
) -> Result<Vec<BaselineRow>> {
    let name = format!("bench_{}_sql", std::process::id());
    let url = postgres.create(&name).await?;
    let rows = tokio::select! {
        biased;
        // Listened for, so that an interrupted pgbench, too, ends below.
        _ = tokio::signal::ctrl_c() => Err(anyhow!("interrupted")),
        rows = measure_on(postgres, binary, &url, wallets, seconds) => rows,
    };
    postgres.drop(&name).await?;
    rows
}

async fn measure_on(
    postgres: &mut Postgres,
    binary: &Path,
    url: &str,
    wallets: u32,
    seconds: u64,
) -> Result<Vec<BaselineRow>> {
    migrate(binary, url)?;
    let mut conn = PgConnection::connect(url).await?;
    for sql in [OPEN_CUSTOMERS, OPEN_WALLETS] {
        sqlx::query(sql).bind(i64::from(wallets)).execute(&mut conn).await?;
    }
    sqlx::query("vacuum analyze").execute(&mut conn).await?;
    let processes = Processes { postmaster: postgres.postmaster().await?, ..Processes::default() };
    let mut rows = Vec::new();
    for (script, spread) in SCRIPTS {
        for clients in CLIENTS {
            postgres.checkpoint().await?;
            let (wal, cpu) = (postgres.wal_bytes().await?, processes.cpu());
            let run = pgbench(postgres, url, script, clients, wallets, seconds)?;
            let row = BaselineRow {
                script,
                spread: spread.word(),
                clients,
                seconds,
                rate: run.rate,
                p50_ms: run.p50_ms,
                p99_ms: run.p99_ms,
                wal_bytes_each: (postgres.wal_bytes().await? - wal) / (run.rate * seconds as f64),
                cpu: processes.cpu().since(&cpu).per(seconds as f64),
            };
            println!(
                "  plain SQL, {:>4}, {clients:>3} clients  {:>7.0}/s  p99 {:>7.1} ms",
                row.spread, row.rate, row.p99_ms
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
    "insert into wallets (id, customer_id, currency, status, status_version, enabled_at)
    select id, id, 'USD', 1, 1, now() from customers limit $1::bigint";

/// A baseline that loses money is none.
async fn is_right(conn: &mut PgConnection) -> Result<()> {
    let sql = "select coalesce(sum(version), 0) = (select count(*) from entries)
                  and coalesce(sum(available), 0) = (select coalesce(sum(delta_available), 0) from entries)
                  and (select count(*) from entries) = (select count(*) from transactions)
               from wallets";
    let right: bool = sqlx::query_scalar(sql).fetch_one(conn).await?;
    ensure!(right, "the baseline's wallets do not equal the sums of their entries");
    Ok(())
}

struct Run {
    rate: f64,
    p50_ms: f64,
    p99_ms: f64,
}

fn pgbench(
    postgres: &Postgres,
    url: &str,
    script: &str,
    clients: usize,
    wallets: u32,
    seconds: u64,
) -> Result<Run> {
    let directory = std::env::temp_dir().join(format!("bench-{}-{script}-{clients}", std::process::id()));
    fs::create_dir_all(&directory)?;
    let target = match &postgres.facts.socket {
        Some(socket) => format!("{url}{}host={socket}", if url.contains('?') { '&' } else { '?' }),
        None => url.to_owned(),
    };
    let output = Command::new(program("pgbench")?)
        .current_dir(&directory)
        .args(["-n", "-M", "prepared", "-j", "2", "-l", "--sampling-rate=0.25"])
        .args(["-c", &clients.to_string(), "-T", &seconds.to_string(), "-D", &format!("wallets={wallets}")])
        .arg("-f")
        .arg(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("benches/load").join(script))
        .arg(target)
        .output()
        .context("pgbench")?;
    let (out, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let latencies = latencies_ms(&directory);
    fs::remove_dir_all(&directory)?;
    if !output.status.success() || !out.contains("number of failed transactions: 0 ") {
        bail!("pgbench with {script} failed:\n{out}{errors}");
    }
    let rate = out.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
    let rate = rate.with_context(|| format!("pgbench told no rate:\n{out}"))?;
    let latencies = latencies?;
    let at = |share: f64| latencies.get((latencies.len() as f64 * share) as usize).copied().unwrap_or(0.0);
    Ok(Run { rate, p50_ms: at(0.5), p99_ms: at(0.99) })
}

/// The latencies that pgbench has logged, shortest first.
fn latencies_ms(directory: &Path) -> Result<Vec<f64>> {
    let mut latencies = Vec::new();
    for file in fs::read_dir(directory)? {
        let text = fs::read_to_string(file?.path())?;
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
