//! Settings that are wrong, servers that are away, a port that is taken: how a command ends then, and what it says.

use std::net::TcpListener;

use super::{COMMANDS, ended, nowhere, run, set};
use crate::support::{directory::Directory, leftovers::own_name, process::command, servers::servers};

#[test]
fn a_wrong_configuration_ends_with_2_and_a_sentence_that_names_it() {
    let url = ("DATABASE_URL", "postgres://wallet@127.0.0.1:1/wallet");
    for (settings, named) in [
        (vec![], vec!["DATABASE_URL must be given"]),
        (vec![("DATABASE_URL", "")], vec!["DATABASE_URL must be given"]),
        (vec![("DATABASE_URL", "mysql://secret@host/x")], vec!["DATABASE_URL"]),
        (vec![url, ("PORT", "65536")], vec!["PORT", "\"65536\""]),
        (vec![url, ("BATCH_MAX", "0")], vec!["BATCH_MAX"]),
        (vec![url, ("JWT_SECRET", "secret")], vec!["JWT_SECRET"]),
        (vec![url, ("REDIS_URL", "http://secret")], vec!["REDIS_URL"]),
        (vec![url, ("RUST_LOG", "wallet=loud")], vec!["RUST_LOG"]),
        (vec![url, ("DATABSE_URL", "x")], vec!["DATABSE_URL", "DATABASE_URL"]),
        (vec![url, ("APP_ENV", "production")], vec!["JWT_SECRET", "SERVICE_API_KEY"]),
        (vec![url, ("PORT", "x"), ("QUEUE_MAX", "-1")], vec!["PORT", "QUEUE_MAX"]),
    ] {
        let needs_none = |a: &[&str]| {
            matches!(
                a,
                [] | ["migrate"] | ["migrate", "grants"] | ["books"] | ["openapi"] | ["simulate-bank"]
            )
        };
        for arguments in COMMANDS.iter().filter(|arguments| !needs_none(arguments)) {
            let (code, told, complained) = ended(&run(&set(&settings), arguments));
            assert_eq!((code, told.as_str()), (Some(2), ""), "{arguments:?} {settings:?}\n{complained}");
            for name in &named {
                assert!(complained.contains(name), "{name}: {complained}");
            }
            let lines = if named == ["JWT_SECRET", "SERVICE_API_KEY"] || named == ["PORT", "QUEUE_MAX"] {
                2
            } else {
                1
            };
            assert_eq!(complained.lines().count(), lines, "a sentence for each: {complained}");
            assert!(!complained.contains("secret"), "no value of a secret: {complained}");
        }
    }
}

#[test]
fn the_file_env_is_read_beneath_the_environment() {
    let url = nowhere()["DATABASE_URL"].clone();
    let status = |file: &str, settings: &[(&str, &str)]| {
        let directory = Directory::new();
        directory.write(".env", file);
        let mut command = command(&set(settings), &["migrate", "status"]);
        ended(&command.current_dir(directory.path()).output().expect("the wallet command"))
    };
    // Well configured, and then Postgres is away.
    assert_eq!(status(&format!("# a comment\nDATABASE_URL={url}\n"), &[]).0, Some(1));
    assert_eq!(
        status("PORT=x\n", &[("PORT", "1"), ("DATABASE_URL", &url)]).0,
        Some(1),
        "the environment wins"
    );
    let (code, _, complained) = status(&format!("DATABASE_URL={url}\nDATABASE_POOLMAX=3\n"), &[]);
    assert_eq!(code, Some(2));
    assert!(
        complained.contains("DATABASE_POOLMAX") && complained.contains("DATABASE_POOL_MAX"),
        "{complained}"
    );
    let (code, _, complained) = status(&format!("DATABASE_URL={url}\nHELLO=world\n"), &[]);
    assert!(code == Some(2) && complained.contains("HELLO"), "{complained}");
    // What is explained in .env.example may stand in .env.
    let example = include_str!("../../../.env.example");
    let active: String = example
        .lines()
        .filter_map(|line| line.strip_prefix('#'))
        .filter(|line| {
            line.split_once('=')
                .is_some_and(|(name, _)| name.bytes().all(|b| b.is_ascii_uppercase() || b == b'_'))
        })
        .map(|line| format!("{line}\n"))
        .collect();
    let (code, _, complained) = status(&active, &[("DATABASE_URL", &url)]);
    assert_eq!(code, Some(1), "{complained}");
}

#[test]
fn without_postgres_a_command_fails_with_a_sentence() {
    let settings = nowhere();
    let with_redis = {
        let mut settings = nowhere();
        settings.insert("REDIS_URL".to_owned(), servers().redis_url.clone());
        settings.insert("REDIS_PREFIX".to_owned(), format!("{}:", own_name()));
        settings
    };
    for (settings, arguments) in [
        (&settings, &["migrate", "status"][..]),
        (&settings, &["migrate", "up"]),
        (&settings, &["migrate", "down"]),
        (&settings, &["audit"]),
        (&with_redis, &["cache", "rebuild"]),
    ] {
        let (code, told, complained) = ended(&run(settings, arguments));
        assert_eq!((code, told.as_str()), (Some(1), ""), "{arguments:?}\n{complained}");
        assert!(complained.starts_with("wallet: "), "{arguments:?}\n{complained}");
        assert!(complained.contains("Postgres"), "{arguments:?}\n{complained}");
        assert_eq!(complained.lines().count(), 1, "{arguments:?}\n{complained}");
    }
    // What there is to rebuild without Redis: nothing.
    let (code, _, complained) = ended(&run(&settings, &["cache", "rebuild"]));
    assert!(code == Some(1) && complained.contains("REDIS_URL"), "{complained}");
}

#[test]
fn a_port_that_is_taken_is_said_to_be_so_with_a_way_out() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port();
    let mut settings = nowhere();
    settings.extend(set(&[("HOST", "127.0.0.1"), ("PORT", &port.to_string())]));
    let (code, told, complained) = ended(&run(&settings, &["serve"]));
    assert_eq!((code, told.as_str()), (Some(1), ""), "{complained}");
    assert_eq!(complained.lines().count(), 1, "one sentence: {complained}");
    assert!(
        complained.contains(&format!("port {port} is taken")) && complained.contains("PORT="),
        "{complained}"
    );
}
