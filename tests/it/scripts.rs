//! The scripts behind `make`: what they say before anything is started or fetched.

use std::{
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
};

use uuid::Uuid;
use wallet::config::{DEVELOPMENT_BANK_TOKEN, DEVELOPMENT_BANK_WEBHOOK_SECRET};

use crate::support::{directory::Directory, servers::stack};

/// The programs that every Debian has, and those that a test adds.
fn path_with(dir: &Directory, more: &[&str]) -> PathBuf {
    const EVERYWHERE: [&str; 12] =
        ["bash", "sh", "env", "dirname", "sed", "sort", "head", "grep", "cat", "realpath", "uname", "mkdir"];
    let bin = dir.path().join(format!("bin-{}", Uuid::new_v4()));
    std::fs::create_dir(&bin).expect("a directory");
    for name in EVERYWHERE.iter().chain(more) {
        let found = std::env::split_paths(&std::env::var_os("PATH").expect("PATH"))
            .map(|dir| dir.join(name))
            .find(|program| program.exists());
        symlink(found.unwrap_or_else(|| panic!("no {name} on this machine")), bin.join(name))
            .expect("a link");
    }
    bin
}

/// A program of the test's own.
fn program(bin: &Path, name: &str, text: &str) {
    use std::os::unix::fs::PermissionsExt;
    let file = bin.join(name);
    std::fs::write(&file, format!("#!/bin/sh\n{text}\n")).expect("a program");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).expect("its mode");
}

#[test]
fn a_missing_toolchain_is_said_before_a_server_is_started() {
    let dir = Directory::new();
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts");
    let bare = path_with(&dir, &[]);
    let with_cargo = path_with(&dir, &[]);
    program(&with_cargo, "cargo", &format!("echo cargo {}", env!("CARGO_PKG_RUST_VERSION")));
    let with_old_cargo = path_with(&dir, &[]);
    program(&with_old_cargo, "cargo", "echo cargo 1.70.0");
    let without_headers = path_with(&dir, &["make"]);
    program(&without_headers, "cargo", &format!("echo cargo {}", env!("CARGO_PKG_RUST_VERSION")));
    program(&without_headers, "cc", "exit 0");
    program(&without_headers, "pkg-config", "exit 1");
    for (path, said) in [
        (&bare, "No cargo here"),
        (&with_old_cargo, "This is cargo 1.70.0"),
        (&with_cargo, "No C compiler, no make, no pkg-config, no OpenSSL headers here"),
        (&without_headers, "No OpenSSL headers here"),
    ] {
        for script in ["run", "test", "migrate", "bench"] {
            let stack = dir.path().join("stack");
            let mut command = Command::new("bash");
            command.arg(scripts.join(script)).args((script == "migrate").then_some("up"));
            command.env_clear().env("PATH", path).env("STACK_INSTALL", "no").env("STACK_DIR", &stack);
            let output = command.output().expect("the script");
            let complained = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(1), "{script}: {complained}");
            assert!(complained.contains(said), "{script}: {said}: {complained}");
            assert!(complained.contains("libssl-dev"), "how to mend it: {complained}");
            assert!(!complained.contains("stack:") && !stack.exists(), "{script}: {complained}");
        }
    }
}

/// The Kafka client's configure cannot work in such a path.
#[test]
fn a_checkout_in_a_path_with_a_space_is_built_elsewhere() {
    let dir = Directory::named(" with a space");
    let checkout = dir.path().join("check out");
    std::fs::create_dir(&checkout).expect("a directory");
    let copy = Command::new("cp")
        .args(["-r", "Cargo.toml", "scripts"])
        .arg(&checkout)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status();
    assert!(copy.expect("cp").success());
    let bin = path_with(&dir, &["cksum"]);
    for name in ["cc", "make", "pkg-config"] {
        program(&bin, name, "exit 0");
    }
    program(
        &bin,
        "cargo",
        &format!("echo cargo {} in \"$CARGO_TARGET_DIR\"", env!("CARGO_PKG_RUST_VERSION")),
    );
    let built = |target: Option<&str>, cache: &str| {
        let mut command = Command::new("bash");
        command.arg(checkout.join("scripts/cargo")).arg("build");
        command.env_clear().env("PATH", &bin).env("XDG_CACHE_HOME", cache).env("STACK_INSTALL", "no");
        if let Some(target) = target {
            command.env("CARGO_TARGET_DIR", target);
        }
        let output = command.output().expect("the script");
        let texts = [output.stdout, output.stderr].map(|text| String::from_utf8(text).expect("text"));
        (output.status.code(), texts)
    };
    for (cache, place) in
        [("/var/cache", "/var/cache/wallet-target/"), ("/var/a cache", "/var/tmp/wallet-target/")]
    {
        let (code, [told, complained]) = built(None, cache);
        assert_eq!(code, Some(0), "{complained}");
        let (_, target) = told.trim().split_once(" in ").expect("a directory");
        assert!(target.starts_with(place) && !target.contains(' '), "{target}");
        assert!(complained.contains(target), "it is said: {complained}");
    }
    let (code, [_, complained]) = built(Some("/var/a target"), "/var/cache");
    assert!(code == Some(1) && complained.contains("CARGO_TARGET_DIR"), "{complained}");
    let (code, [told, complained]) = built(Some("/var/target"), "/var/cache");
    assert_eq!((code, complained.as_str()), (Some(0), ""));
    assert!(told.ends_with(" in /var/target\n"), "{told}");
}

/// `make run` starts it, and `make stop` ends it.
#[tokio::test]
async fn the_stack_has_a_simulated_bank_where_it_is_named() {
    let dir = Directory::new();
    let built = Path::new(env!("CARGO_BIN_EXE_wallet")).ancestors().nth(2).expect("the target directory");
    let environment = [("CARGO_TARGET_DIR".to_owned(), built.to_string_lossy().into_owned())];
    let stack = |arguments: &[&str]| stack(arguments, Some(dir.path()), &environment);
    stack(&["up", "bank"]);
    let exported = stack(&["env"]);
    let value = |name: &str| {
        let (_, rest) =
            exported.split_once(&format!("{name}=")).unwrap_or_else(|| panic!("{name}: {exported}"));
        rest.split_whitespace().next().expect("a value").trim_matches('\'').to_owned()
    };
    let (url, token, secret) = (value("BANK_URL"), value("BANK_TOKEN"), value("BANK_WEBHOOK_SECRET"));
    assert_eq!((token.as_str(), secret.as_str()), (DEVELOPMENT_BANK_TOKEN, DEVELOPMENT_BANK_WEBHOOK_SECRET));
    let book = || {
        crate::support::client::builder()
            .build()
            .expect("a client")
            .get(format!("{url}/book"))
            .bearer_auth(&token)
            .send()
    };
    assert_eq!(book().await.expect("an answer").text().await.expect("text"), "[]");
    assert!(dir.path().join("bank/book.jsonl").exists());
    stack(&["down"]);
    assert!(book().await.is_err_and(|error| error.is_connect()));
}
