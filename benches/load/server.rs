//! The service under load: started, asked for its health, stopped.

use std::{
    fs::{self, File},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use serde::Serialize;
use serde_json::Value;

use super::{
    connection::Connection,
    process,
    request::{Request, RequestIds},
};

const START_TIMEOUT: Duration = Duration::from_secs(40);
const STOP_TIMEOUT: Duration = Duration::from_secs(20);

/// Settings of the service: everything that it writes carries the name of the run.
#[derive(Clone)]
pub struct Settings {
    pub database_url: String,
    pub redis_url: String,
    pub kafka_brokers: String,
    /// In front of groups and topics, and with a colon in front of keys.
    pub run: String,
    /// None: no bank is configured.
    pub bank: Option<SocketAddr>,
}

impl Settings {
    pub fn redis_prefix(&self) -> String {
        format!("{}:", self.run)
    }

    pub fn topics(&self) -> [String; 2] {
        ["created-transaction", "changed-status"].map(|name| format!("{}.{name}", self.run))
    }

    /// A command of the service, in a directory without a `.env`.
    pub fn command(&self, binary: &Path) -> Command {
        let [transactions, status] = self.topics();
        let mut command = Command::new(binary);
        command
            .current_dir(std::env::temp_dir())
            .env("DATABASE_URL", &self.database_url)
            .env("REDIS_URL", &self.redis_url)
            .env("REDIS_PREFIX", self.redis_prefix())
            .env("KAFKA_BROKERS", &self.kafka_brokers)
            .env("KAFKA_GROUP_PREFIX", &self.run)
            .env("KAFKA_TOPIC_TRANSACTIONS", transactions)
            .env("KAFKA_TOPIC_STATUS", status)
            .env("APP_ENV", "development")
            .env_remove("SERVICE_API_KEY")
            .env("RUST_LOG", "warn");
        if let Some(bank) = self.bank {
            command.env("BANK_URL", format!("http://{bank}"));
        }
        command
    }
}

pub struct Server {
    child: Child,
    pub address: SocketAddr,
    log: PathBuf,
}

/// The lags that the service reports.
#[derive(Clone, Copy, Debug)]
pub struct Health {
    pub topic_behind_ms: f64,
    pub refresher_behind_ms: f64,
}

impl Server {
    /// Starts the service and waits until it is ready. Its output goes to `log`.
    pub async fn start(binary: &Path, settings: &Settings, log: PathBuf) -> Result<Self> {
        let address = process::free_address()?;
        let file = File::create(&log).with_context(|| log.display().to_string())?;
        let child = settings
            .command(binary)
            .arg("serve")
            .env("HOST", address.ip().to_string())
            .env("PORT", address.port().to_string())
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            .spawn()
            .with_context(|| binary.display().to_string())?;
        let mut server = Self { child, address, log };
        let began = Instant::now();
        while server.get("/health/ready").await.is_err() {
            if let Some(status) = server.child.try_wait()? {
                bail!("the service ended with {status}:\n{}", server.log_tail());
            }
            ensure!(
                began.elapsed() < START_TIMEOUT,
                "the service is not ready after {START_TIMEOUT:?}:\n{}",
                server.log_tail()
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(server)
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub async fn health(&self) -> Result<Health> {
        let whole: Value = serde_json::from_slice(&self.get("/health").await?)?;
        let data = &whole["data"];
        // The in-process bus and cache cost less, so figures with them would not be comparable.
        ensure!(
            data["bus"]["kind"] == "kafka" && data["cache"]["kind"] == "redis",
            "the service does not use Kafka and Redis: {whole}"
        );
        let of =
            |name: &str| data[name].as_f64().with_context(|| format!("/health has no data.{name}: {whole}"));
        Ok(Health {
            topic_behind_ms: of("topic_behind_ms")?,
            refresher_behind_ms: of("refresher_behind_ms")?,
        })
    }

    pub async fn metrics(&self) -> Result<String> {
        Ok(String::from_utf8(self.get("/metrics").await?)?)
    }

    /// The body of a path that answers with 200.
    async fn get(&self, path: &str) -> Result<Vec<u8>> {
        let mut request = Vec::new();
        Request::get(self.address, path).write(&RequestIds::default(), &mut request);
        let mut connection = Connection::open(self.address).await?;
        let answer = connection.exchange(&request).await?;
        ensure!(answer.status == 200, "{path} answers with {}", answer.status);
        Ok(answer.body.to_vec())
    }

    /// Sends SIGTERM to the service, and waits until it has ended.
    pub async fn stop(mut self) -> Result<()> {
        let asked = Command::new("kill").args(["-TERM", &self.pid().to_string()]).status()?;
        ensure!(asked.success(), "the service had already ended:\n{}", self.log_tail());
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait()? {
                ensure!(status.success(), "the service ended with {status}:\n{}", self.log_tail());
                return Ok(());
            }
            ensure!(began.elapsed() < STOP_TIMEOUT, "the service does not end after SIGTERM");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    fn log_tail(&self) -> String {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

/// Kills the service of a failed run.
impl Drop for Server {
    fn drop(&mut self) {
        if !matches!(self.child.try_wait(), Ok(Some(_))) {
            let _killed = self.child.kill();
            let _ended = self.child.wait();
        }
    }
}

/// Brings a database to the newest migration.
pub fn migrate(binary: &Path, url: &str) -> Result<()> {
    let output = Command::new(binary)
        .current_dir(std::env::temp_dir())
        .args(["migrate", "up"])
        .env("DATABASE_URL", url)
        .output()
        .with_context(|| binary.display().to_string())?;
    ensure!(output.status.success(), "wallet migrate up: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

/// Fills the cache from the books.
pub fn rebuild_cache(binary: &Path, settings: &Settings) -> Result<()> {
    let output = settings.command(binary).args(["cache", "rebuild"]).output()?;
    ensure!(output.status.success(), "wallet cache rebuild: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

/// The result of `wallet audit --topic` for a database and its topics.
#[derive(Clone, Debug, Serialize)]
pub struct Audited {
    /// In the books that were audited.
    pub entries: i64,
    pub seconds: f64,
    /// One line for each topic: how many messages were compared with the books.
    pub topics: Vec<String>,
    /// None: the books are right.
    pub found: Option<String>,
}

/// Positions up to which the logs were written before their topics were made: not expected there.
#[derive(Clone, Copy, Debug, Default)]
pub struct Published {
    pub entries: i64,
    pub status_changes: i64,
}

/// Audits the whole books, and compares the topics with them.
pub fn audit(binary: &Path, settings: &Settings, entries: i64, from: Published) -> Result<Audited> {
    let began = Instant::now();
    let output = settings
        .command(binary)
        .args(["audit", "--topic", "--entries-from", &from.entries.to_string()])
        .args(["--status-changes-from", &from.status_changes.to_string()])
        .output()?;
    let topics = String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter(|line| line.starts_with("the topic "))
        .map(str::to_owned)
        .collect();
    let both = [output.stdout, output.stderr].concat();
    let found = (!output.status.success())
        .then(|| format!("{}\n{}", output.status, String::from_utf8_lossy(&both).trim()));
    Ok(Audited { entries, seconds: began.elapsed().as_secs_f64(), topics, found })
}
