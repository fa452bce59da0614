//! The servers under test: those that the environment names, or those that `scripts/stack` starts.

use std::{env, path::Path, process::Command, sync::LazyLock};

use super::leftovers::sweep;

/// The servers' addresses.
pub struct Servers {
    pub database_url: String,
    pub redis_url: String,
    pub kafka_brokers: String,
}

static SERVERS: LazyLock<Servers> = LazyLock::new(|| {
    let all = ["DATABASE_URL", "REDIS_URL", "KAFKA_BROKERS"];
    let mut found: Vec<Option<String>> = all.map(|name| env::var(name).ok()).into();
    if found.iter().any(Option::is_none) {
        stack(&["up"], None, &[]);
        for line in stack(&["env"], None, &[]).lines() {
            let (name, value) = line.trim_start_matches("export ").split_once('=').unwrap_or_default();
            if let Some(at) = all.iter().position(|known| *known == name) {
                found[at].get_or_insert_with(|| value.trim_matches(['"', '\'']).to_owned());
            }
        }
    }
    let [database_url, redis_url, kafka_brokers] = [0, 1, 2].map(|at| {
        let value = found[at].clone().filter(|value| !value.is_empty());
        value
            .unwrap_or_else(|| panic!("{} is not set, and scripts/stack could not start its server", all[at]))
    });
    sweep(&kafka_brokers);
    Servers { database_url, redis_url, kafka_brokers }
});

/// The servers that all tests share. A test that stops one has a stack of its own.
pub fn servers() -> &'static Servers {
    &SERVERS
}

/// Runs `scripts/stack`, on the checkout's stack or on one of its own in `dir`, with more variables than this process has;
/// returns its output.
pub fn stack(arguments: &[&str], dir: Option<&Path>, environment: &[(String, String)]) -> String {
    let mut command = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/stack"));
    command.args(arguments).env("STACK_STRICT", "1");
    command.envs(environment.iter().map(|(name, value)| (name, value)));
    if let Some(dir) = dir {
        command.env("STACK_DIR", dir);
        // Servers that are set already would be used instead of a stack of the test's own.
        for name in ["DATABASE_URL", "REDIS_URL", "KAFKA_BROKERS", "BANK_URL"] {
            command.env_remove(name);
        }
    }
    let output = command.output().expect("scripts/stack cannot be run");
    assert!(
        output.status.success(),
        "scripts/stack {arguments:?} failed:\n{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}
