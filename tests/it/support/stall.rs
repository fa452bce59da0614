//! Suspends processes.

use std::{
    process::{Command, Stdio},
    time::Duration,
};

use tokio::task::spawn_blocking;

/// Stops a process, waits, and continues it. A process of its own does that, and ignores the signals that end a test: the
/// stopped process is continued even if the test ends.
const SCRIPT: &str = r#"trap '' INT TERM HUP; kill -STOP "$0" && sleep "$1"; kill -CONT "$0""#;

/// Suspends a process for this time. One that has ended is ignored.
pub async fn stall(pid: i64, length: Duration) {
    let mut command = Command::new("sh");
    command.args(["-c", SCRIPT, &pid.to_string(), &format!("{:.3}", length.as_secs_f64())]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().expect("sh");
    let _ended = spawn_blocking(move || child.wait()).await;
}
