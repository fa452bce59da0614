//! Where output goes that nobody takes: a closed pipe, a full disk.

use std::{
    fs::{File, OpenOptions},
    io::{BufRead, BufReader},
    process::Stdio,
    time::Duration,
};

use super::{Ended, command, nowhere, set, text};
use crate::support::{
    app::settings_for,
    customer::Customer,
    database::TestDatabase,
    process::{Server, free_port},
    wait::until,
};

const WAIT_TIMEOUT: Duration = Duration::from_secs(30);

fn full() -> File {
    OpenOptions::new().write(true).open("/dev/full").expect("/dev/full")
}

/// Commands that print something, on these settings.
const PRINTING: [&[&str]; 6] = [
    &["openapi"],
    &["migrate", "grants", "--role", "wallet_app"],
    &["migrate", "status"],
    &["migrate", "up"],
    &["audit"],
    &["token", "--scope", "service"],
];

#[tokio::test]
async fn a_full_disk_is_said_and_a_reader_that_has_read_enough_is_no_failure() {
    let db = TestDatabase::create().await;
    let mut settings = settings_for(&db);
    settings.insert("DATABASE_URL".to_owned(), db.owner_url.clone());
    // A statement that is slow on a busy machine is a warning in the log, which has the same outlet as complaints.
    settings.insert("RUST_LOG".to_owned(), "error".to_owned());
    for arguments in PRINTING {
        let output = command(&settings, arguments).stdout(full()).output().expect("the command");
        let complained = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {complained}");
        assert!(complained.contains("wallet: standard output cannot be written to"), "{complained}");
        assert!(!complained.contains("panicked"), "{arguments:?}: {complained}");

        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let output = command(&settings, arguments).stdout(writer).output().expect("the command");
        assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), String::new()), "{arguments:?}");
    }
    // Neither has the log anywhere to go.
    for arguments in [&["audit"][..], &["serve"]] {
        let mut command = command(&nowhere(), arguments);
        let status = command.env("PORT", "x").stdout(full()).stderr(full()).status().expect("the command");
        assert_eq!(status.code(), Some(2), "{arguments:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_serves_whether_its_output_is_read_or_not() {
    for outlet in ["closed after a line", "full", "full, and the log too"] {
        let db = TestDatabase::create().await;
        let port = free_port();
        let mut settings = settings_for(&db);
        settings.extend(set(&[("PORT", &port.to_string()), ("RUST_LOG", "info")]));
        let mut command = command(&settings, &["serve"]);
        match outlet {
            "closed after a line" => command.stdout(Stdio::piped()).stderr(Stdio::null()),
            "full" => command.stdout(full()).stderr(Stdio::null()),
            _ => command.stdout(full()).stderr(full()),
        };
        let mut server = Ended(command.spawn().expect("the service"));
        if let Some(stdout) = server.0.stdout.take() {
            let mut line = String::new();
            BufReader::new(stdout).read_line(&mut line).expect("a line");
            assert!(line.starts_with("listening on "), "{line}");
        }
        let base = format!("http://127.0.0.1:{port}");
        until("it is ready", WAIT_TIMEOUT, async || {
            crate::support::client::get(format!("{base}/health/ready"))
                .await
                .ok()
                .filter(|answer| answer.status() == 200)
        })
        .await;
        let customer = Customer::enabled(&base).await;
        assert_eq!(customer.deposit(5).await.status, 201, "{outlet}");
        assert!(server.0.try_wait().expect("the process").is_none(), "{outlet}");
        let pid = server.0.id().to_string();
        assert!(std::process::Command::new("kill").args(["-TERM", &pid]).status().expect("kill").success());
        let ended = until("it ends", WAIT_TIMEOUT, async || server.0.try_wait().expect("the process")).await;
        assert_eq!(ended.code(), Some(0), "{outlet}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_ipv6_address_is_printed_in_brackets_and_works_as_printed() {
    let db = TestDatabase::create().await;
    let mut settings = settings_for(&db);
    settings.extend(set(&[("HOST", "::1"), ("KAFKA_BROKERS", ""), ("REDIS_URL", "")]));
    let server = Server::start(&settings);
    assert!(server.base.starts_with("http://[::1]:"), "{}", server.base);
    let customer = Customer::enabled(&server.base).await;
    assert_eq!(customer.deposit(5).await.status, 201);
}
