//! A server of a test's own, for tests that stop it. They run one after another, as each needs memory and CPU.

use std::{
    path::{Path, PathBuf},
    process::{self, Command},
    sync::atomic::{AtomicU32, Ordering},
};

use tokio::{
    sync::{Mutex, MutexGuard},
    task::spawn_blocking,
};

use super::servers::stack;

static TURN: Mutex<()> = Mutex::const_new(());
static NEXT: AtomicU32 = AtomicU32::new(1);

/// A server, by its name in `scripts/stack`; it is removed when this is dropped.
pub struct OwnServer {
    name: &'static str,
    dir: PathBuf,
    /// Further variables of `scripts/stack`.
    environment: Vec<(String, String)>,
    address: String,
    _turn: MutexGuard<'static, ()>,
}

impl OwnServer {
    pub async fn kafka() -> Self {
        Self::start_new("kafka").await
    }

    pub async fn redis() -> Self {
        Self::start_new("redis").await
    }

    pub async fn postgres() -> Self {
        Self::start_new("postgres").await
    }

    /// A Kafka on these ports, with more settings: properties, and what its storage is made with.
    pub async fn kafka_on(port: u16, controller: u16, properties: &Path, format: &str) -> Self {
        let properties = properties.to_str().expect("a path").to_owned();
        let more = [("KAFKA_PROPERTIES", properties), ("KAFKA_FORMAT", format.to_owned())];
        let mut server = Self::none("kafka").await;
        server.environment = more.map(|(name, value)| (name.to_owned(), value)).into();
        std::fs::create_dir_all(&server.dir).expect("a directory");
        for (file, port) in [("kafka.port", port), ("kafka-controller.port", controller)] {
            std::fs::write(server.dir.join(file), format!("{port}\n")).expect("a file");
        }
        server.begun().await
    }

    async fn start_new(name: &'static str) -> Self {
        Self::none(name).await.begun().await
    }

    /// A server that is not started yet.
    async fn none(name: &'static str) -> Self {
        let turn = TURN.lock().await;
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("wallet-test-{}-{number}", process::id()));
        Self { name, dir, environment: Vec::new(), address: String::new(), _turn: turn }
    }

    async fn begun(mut self) -> Self {
        self.ask("up").await;
        let printed = self.ask("env").await;
        let (_, address) = printed.lines().next().and_then(|line| line.split_once('=')).expect("an address");
        self.address = address.trim_matches(['"', '\'']).to_owned();
        self
    }

    /// The value for DATABASE_URL, REDIS_URL or KAFKA_BROKERS.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Starts it again, on the same port.
    pub async fn start(&self) {
        self.ask("start").await;
    }

    /// Stops it gracefully.
    pub async fn stop(&self) {
        self.ask("stop").await;
    }

    /// Crashes it.
    pub async fn kill(&self) {
        self.ask("kill").await;
    }

    /// Suspends it: it keeps its connections and does not answer.
    pub async fn freeze(&self) {
        self.signal("-STOP").await;
    }

    /// Continues it.
    pub async fn thaw(&self) {
        self.signal("-CONT").await;
    }

    async fn signal(&self, signal: &str) {
        let printed = self.ask("status").await;
        let line = printed.lines().find(|line| line.starts_with(self.name)).expect("its line");
        let (_, after) = line.split_once("pid ").expect("its pid");
        let pid = after.split(',').next().expect("its pid");
        assert!(Command::new("kill").args([signal, pid]).status().expect("kill").success());
        // Postgres is several processes; some are short-lived.
        let children =
            std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).expect("its children");
        for child in children.split_whitespace() {
            let _ = Command::new("kill").args([signal, child]).status().expect("kill");
        }
    }

    async fn ask(&self, what: &'static str) -> String {
        let (name, dir, environment) = (self.name, self.dir.clone(), self.environment.clone());
        let answer = spawn_blocking(move || match what {
            "status" => stack(&[what], Some(&dir), &environment),
            _ => stack(&[what, name], Some(&dir), &environment),
        });
        answer.await.expect("scripts/stack")
    }
}

impl Drop for OwnServer {
    fn drop(&mut self) {
        let dir = self.dir.clone();
        if std::thread::spawn(move || stack(&["wipe"], Some(&dir), &[])).join().is_err() {
            eprintln!("the test's own {} was not wiped: {}", self.name, self.dir.display());
        }
    }
}
