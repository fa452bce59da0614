//! The Postgres of the measurements: databases of the benchmark's own, and whether a commit is durable there.

use std::{path::PathBuf, str::FromStr, time::Instant};

use anyhow::{Context, Result, bail, ensure};
use serde::Serialize;
use sqlx::{AssertSqlSafe, ConnectOptions, PgConnection, postgres::PgConnectOptions};

use super::process;

/// Settings without which a commit is not durable; must be on.
const DURABILITY_SETTINGS: [&str; 3] = ["fsync", "full_page_writes", "synchronous_commit"];
/// Settings that influence the speed and are reported.
const REPORTED_SETTINGS: [&str; 6] = [
    "wal_sync_method",
    "wal_compression",
    "max_wal_size",
    "shared_buffers",
    "commit_delay",
    "data_checksums",
];

pub struct Postgres {
    url: String,
    conn: PgConnection,
    pub facts: Facts,
}

/// The facts about the server in the report.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Facts {
    pub version: String,
    pub settings: Vec<(String, String)>,
    /// Median of writing 8 KiB and fdatasync where the data lies, in milliseconds; none if that is not on this machine.
    pub fdatasync_ms: Option<f64>,
    /// How pgbench connects.
    pub socket: Option<String>,
}

impl Postgres {
    pub async fn connect(url: &str) -> Result<Self> {
        let options = PgConnectOptions::from_str(url).context("DATABASE_URL")?;
        let port = options.get_port();
        let mut conn = options.connect().await.context("DATABASE_URL: cannot connect")?;
        let mut facts = Facts { version: setting(&mut conn, "server_version").await?, ..Facts::default() };
        for name in DURABILITY_SETTINGS {
            let value = setting(&mut conn, name).await?;
            ensure!(
                value == "on",
                "Postgres has {name} = {value}: a commit is not durable there, so nothing can be measured"
            );
            facts.settings.push((name.to_owned(), value));
        }
        for name in REPORTED_SETTINGS {
            facts.settings.push((name.to_owned(), setting(&mut conn, name).await.unwrap_or_default()));
        }
        let data = setting(&mut conn, "data_directory").await.unwrap_or_default();
        facts.fdatasync_ms = fdatasync_ms(PathBuf::from(data)).ok();
        let sockets = std::env::var("STACK_PG_SOCKET").ok();
        let sockets =
            sockets.unwrap_or(setting(&mut conn, "unix_socket_directories").await.unwrap_or_default());
        let is_there =
            |directory: &&str| std::path::Path::new(directory).join(format!(".s.PGSQL.{port}")).exists();
        facts.socket = sockets.split(',').map(str::trim).find(is_there).map(str::to_owned);
        Ok(Self { url: url.to_owned(), conn, facts })
    }

    /// A fresh, empty database; answers with its URL.
    pub async fn create(&mut self, name: &str) -> Result<String> {
        self.run(&format!("create database {name}")).await?;
        self.url_of(name)
    }

    pub async fn drop(&mut self, name: &str) -> Result<()> {
        self.run(&format!("drop database if exists {name} with (force)")).await
    }

    /// Begins every measurement alike: the first change of a page after a checkpoint writes the whole page to the log.
    pub async fn checkpoint(&mut self) -> Result<()> {
        self.run("checkpoint").await
    }

    /// Where the log ends, in bytes.
    pub async fn wal_bytes(&mut self) -> Result<f64> {
        let sql = "select (pg_current_wal_lsn() - '0/0')::float8";
        Ok(sqlx::query_scalar(sql).fetch_one(&mut self.conn).await?)
    }

    /// The process that all back ends are children of; 0 if the server is not on this machine.
    pub async fn postmaster(&mut self) -> Result<u32> {
        let back_end: i32 = sqlx::query_scalar("select pg_backend_pid()").fetch_one(&mut self.conn).await?;
        let back_end = u32::try_from(back_end)?;
        let name = std::fs::read_to_string(format!("/proc/{back_end}/comm")).unwrap_or_default();
        Ok(if name.starts_with("postgres") { process::parent(back_end).unwrap_or(0) } else { 0 })
    }

    async fn run(&mut self, sql: &str) -> Result<()> {
        // Names are made by this program.
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut self.conn).await.context(sql.to_owned())?;
        Ok(())
    }

    /// The same server, another database.
    fn url_of(&self, database: &str) -> Result<String> {
        let (rest, query) = match self.url.split_once('?') {
            Some((rest, query)) => (rest, format!("?{query}")),
            None => (self.url.as_str(), String::new()),
        };
        let Some((scheme, rest)) = rest.split_once("://") else { bail!("DATABASE_URL is no URL") };
        let authority = rest.split('/').next().unwrap_or_default();
        Ok(format!("{scheme}://{authority}/{database}{query}"))
    }
}

async fn setting(conn: &mut PgConnection, name: &str) -> Result<String> {
    let sql = "select current_setting($1)";
    sqlx::query_scalar(sql).bind(name).fetch_one(conn).await.with_context(|| format!("setting {name}"))
}

/// How long the disk takes to make 8 KiB durable.
fn fdatasync_ms(data: PathBuf) -> Result<f64> {
    use std::io::{Seek, Write};

    // Beside the data, on the same disk; never inside.
    let directory = data.parent().context("no data directory here")?;
    let path = directory.join(format!("bench-fdatasync-{}", std::process::id()));
    let mut file = std::fs::File::create_new(&path)?;
    let mut measure = || -> Result<f64> {
        let mut times = Vec::new();
        for _ in 0..200 {
            let began = Instant::now();
            file.rewind()?;
            file.write_all(&[1; 8_192])?;
            file.sync_data()?;
            times.push(began.elapsed().as_secs_f64() * 1_000.0);
        }
        times.sort_by(f64::total_cmp);
        Ok(times[times.len() / 2])
    };
    let measured = measure();
    std::fs::remove_file(&path)?;
    measured
}
