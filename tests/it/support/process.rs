//! The service as a process of its own, for tests that kill it.

use std::{
    io::{BufRead, BufReader},
    net::TcpListener,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use super::app::Settings;

/// `wallet serve` in a process of its own; killed when dropped.
pub struct Server {
    pub base: String,
    child: Child,
    log: Arc<Mutex<Vec<String>>>,
}

/// The `wallet` command with these settings and no other variable of the service from the environment.
pub fn command(settings: &Settings, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wallet"));
    command.args(arguments).env_clear().envs(settings);
    // The checkout's .env must not apply.
    command.current_dir(env!("CARGO_TARGET_TMPDIR"));
    command
}

/// Runs a command to its end; returns its exit code and its output.
pub fn run(settings: &Settings, arguments: &[&str]) -> (Option<i32>, String) {
    let output = command(settings, arguments).output().expect("the command");
    let printed = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&printed).into_owned())
}

/// A free port.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

impl Server {
    /// Starts a server and waits until it listens.
    pub fn start(settings: &Settings) -> Self {
        Self::of(command(settings, &["serve"]))
    }

    /// Runs what becomes a server, and waits until it listens.
    pub fn of(command: Command) -> Self {
        let mut server = Self::spawn(command);
        let stdout = BufReader::new(server.child.stdout.take().expect("its output"));
        let mut lines = stdout.lines().map_while(Result::ok);
        let base = lines.find_map(|line| line.strip_prefix("listening on ").map(str::to_owned));
        // Later output is read and dropped, so that the process never waits for a reader.
        std::thread::spawn(move || lines.for_each(drop));
        server.base = base.expect("the service says where it listens");
        server
    }

    /// Starts a server and waits for nothing.
    pub fn begin(settings: &Settings) -> Self {
        Self::spawn(command(settings, &["serve"]))
    }

    fn spawn(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the service");
        let stderr = BufReader::new(child.stderr.take().expect("its log"));
        // Printed here, so that its log is part of the test's output when the test fails.
        let log: Arc<Mutex<Vec<String>>> = Arc::default();
        std::thread::spawn({
            let log = Arc::clone(&log);
            move || {
                for line in stderr.lines().map_while(Result::ok) {
                    eprintln!("{line}");
                    log.lock().unwrap().push(line);
                }
            }
        });
        Self { base: String::new(), child, log }
    }

    /// The lines of its log so far that hold this text.
    pub fn logged(&self, text: &str) -> Vec<String> {
        self.log.lock().unwrap().iter().filter(|line| line.contains(text)).cloned().collect()
    }

    /// The lines of its log so far.
    pub fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }

    /// The process's id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal by its name.
    pub fn signal(&self, name: &str) {
        let pid = self.id().to_string();
        let sent = Command::new("kill").args([&format!("-{name}"), &pid]).status().expect("kill");
        assert!(sent.success());
    }

    /// Waits for the process to end.
    pub fn ended(&mut self, limit: Duration) -> ExitStatus {
        let since = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("the process") {
                return status;
            }
            assert!(since.elapsed() < limit, "the service has not ended within {limit:?}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
