//! What the documents say and can be held to without a reader.
//!
//! The README's examples are run as they stand, in one shell and in their order: a ```sh block beneath the line
//! `<!-- tested -->`, and the ```json block after it, which is what it prints but for ids, tokens and times.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use serde_json::Value;
use tokio::task::spawn_blocking;

use crate::support::{
    app::Settings, bank::app_with_bank, database::TestDatabase, process::Server, wait::until,
};

const README: &str = include_str!("../../README.md");
/// Where the README's service listens.
const ADDRESS: &str = "http://127.0.0.1:8089";
/// Stands between what two examples print.
const BETWEEN: &str = "-- next example --";

/// A shell block and what it prints.
#[derive(Debug)]
struct Example {
    shell: &'static str,
    prints: &'static str,
}

/// The fenced block of this kind that comes next, and what follows it.
fn block(text: &'static str, kind: &str) -> (&'static str, &'static str) {
    let (between, rest) = text.split_once(&format!("```{kind}\n")).expect("a block");
    assert!(!between.contains("```"), "another block stands in between: {between}");
    rest.split_once("\n```").expect("the block's end")
}

fn examples() -> Vec<Example> {
    let pieces = README.split("<!-- tested -->\n").skip(1);
    let examples = pieces.map(|piece| {
        let (shell, rest) = block(piece, "sh");
        Example { shell, prints: block(rest, "json").0 }
    });
    examples.collect()
}

/// A value with everything that differs from run to run named by its kind.
fn general(value: &Value) -> Value {
    match value {
        Value::Array(values) => values.iter().map(general).collect(),
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), general(value))).collect(),
        Value::String(text) if uuid::Uuid::try_parse(text).is_ok() => "<id>".into(),
        Value::String(text) if text.starts_with("eyJ") => "<token>".into(),
        Value::String(text) if text.len() == 64 && hex::decode(text).is_ok() => "<token>".into(),
        Value::String(text) if chrono::DateTime::parse_from_rfc3339(text).is_ok() => "<time>".into(),
        other => other.clone(),
    }
}

/// JSON as text, to be compared to the order of its names.
fn generally(json: &str) -> String {
    let value = serde_json::from_str(json).unwrap_or_else(|error| panic!("{error}: {json}"));
    format!("{:#}", general(&value))
}

#[tokio::test]
async fn the_readmes_examples_print_what_it_says() {
    let (app, _bank) = app_with_bank(&[]).await;
    let (examples, address) = (examples(), app.base.clone());
    let all: Vec<String> = examples.iter().map(|example| example.shell.replace(ADDRESS, &address)).collect();
    for step in [
        "/init",
        "/wallet ",
        "/wallet/deposits",
        "/wallet/withdrawals",
        "/wallet/transactions",
        "/wallet/payouts",
        "-X PATCH",
    ] {
        assert!(all.iter().any(|shell| shell.contains(step)), "there is no example of {step}");
    }
    let script = format!("set -euo pipefail\n{}", all.join(&format!("\necho '{BETWEEN}'\n")));
    let bash = spawn_blocking(move || Command::new("bash").args(["-c", &script]).output());
    let output = bash.await.expect("the thread").expect("bash");
    let (told, complained) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{told}\n{complained}");
    assert_eq!(complained, "");
    let told: Vec<&str> = told.split(BETWEEN).collect();
    assert_eq!(told.len(), examples.len());
    for (example, told) in examples.iter().zip(told) {
        assert_eq!(generally(told), generally(example.prints), "{}", example.shell);
    }
}

/// The blocks of the README's production part, with other names than those of the README, on the tests' server.
fn production(role: &str, address: &str) -> String {
    let pieces = README.split("<!-- production -->\n").skip(1);
    let blocks: Vec<&str> = pieces.map(|piece| block(piece, "sh").0).collect();
    assert_eq!(blocks.len(), 3);
    blocks
        .join("\n")
        .replace("wallet_owner", &format!("{role}_owner"))
        .replace("wallet_app", &format!("{role}_app"))
        .replace("database wallet ", &format!("database {role}_production "))
        .replace("connect wallet\n", &format!("connect {role}_production\n"))
        .replace("127.0.0.1:5432/wallet", &format!("{address}/{role}_production"))
}

#[tokio::test]
async fn the_readmes_production_part_ends_with_a_service_that_owns_nothing_and_is_ready() {
    let db = TestDatabase::create().await;
    let (admin, _) = db.owner_url.rsplit_once('/').expect("a database");
    let (_, address) = admin.rsplit_once('@').or_else(|| admin.rsplit_once("//")).expect("a host");
    let role = format!("wallet_test_{}", std::process::id());
    // psql is where Postgres is, which Debian does not put on the path whole.
    let script = format!(
        "set -euo pipefail; PATH=$PATH:$(echo /usr/lib/postgresql/*/bin | tr ' ' :)\n\
         wallet() {{ if [ $1 = serve ]; then exec \"$WALLET\" serve; else \"$WALLET\" \"$@\"; fi; }}\n{}",
        production(&role, address)
    );
    let settings = [
        ("PATH", std::env::var("PATH").expect("a path")),
        ("ADMIN_URL", db.owner_url.clone()),
        ("WALLET", env!("CARGO_BIN_EXE_wallet").to_owned()),
        ("HOST", "127.0.0.1".to_owned()),
        ("PORT", "0".to_owned()),
        ("ADMIN_PORT", "0".to_owned()),
    ];
    let settings = settings.map(|(name, value)| (name.to_owned(), value)).into();
    let server = Server::of(script_command(&script, &settings));
    let ready = async || {
        let answer =
            crate::support::client::get(format!("{}/health/ready", server.base)).await.expect("an answer");
        (answer.status().as_u16() == 200).then_some(())
    };
    until("readiness", Duration::from_secs(10), ready).await;
    let owned = format!(
        "select count(*) from pg_shdepend d join pg_roles r on r.oid = d.refobjid
                             where r.rolname = '{role}_app' and d.deptype = 'o'"
    );
    assert_eq!(db.number(&owned).await, 0);
    drop(server);
    db.run(&format!("drop database {role}_production with (force)")).await;
    db.run(&format!("drop role {role}_owner, {role}_app")).await;
}

fn script_command(script: &str, settings: &Settings) -> Command {
    let mut command = Command::new("bash");
    command.args(["-c", script]).env_clear().envs(settings).current_dir(env!("CARGO_TARGET_TMPDIR"));
    command
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The Markdown files of the project.
fn documents() -> Vec<PathBuf> {
    let mut found = vec![root().join("README.md"), root().join("CHANGELOG.md")];
    let mut folders = vec![root().join("docs")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                found.push(path);
            }
        }
    }
    assert!(found.len() > 10, "{found:?}");
    found
}

/// Whether a path that a document names in backticks is one of the repository's, as opposed to an address or a word.
fn names_a_file(text: &str) -> bool {
    let roots = ["src/", "tests/", "docs/", "migrations/", "scripts/", "swagger/", "benches/", ".ci/"];
    roots.iter().any(|root| text.starts_with(root)) && !text.contains(['*', '…', ' ', '<', '{'])
}

#[test]
fn every_file_that_a_document_names_is_there() {
    let mut missing = Vec::new();
    for document in documents() {
        let text = fs::read_to_string(&document).expect("a document");
        let folder = document.parent().unwrap_or(Path::new(""));
        let links = text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next());
        for link in links.filter(|link| !link.is_empty() && !link.contains("://")) {
            if !folder.join(link).exists() {
                missing.push(format!("{}: {link}", document.display()));
            }
        }
        let names = text.split('`').skip(1).step_by(2);
        for name in names.filter(|name| names_a_file(name)) {
            if !root().join(name).exists() {
                missing.push(format!("{}: {name}", document.display()));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn the_readme_has_every_make_target() {
    let makefile = fs::read_to_string(root().join("Makefile")).expect("the Makefile");
    let targets: Vec<_> =
        makefile.lines().filter(|line| line.contains(":") && line.contains(" ## ")).collect();
    assert!(targets.len() >= 10, "{targets:?}");
    for target in targets.iter().filter_map(|line| line.split(':').next()) {
        assert!(README.contains(&format!("`make {target}`")), "make {target}");
    }
    let known = |name: &str| targets.iter().any(|line| line.starts_with(&format!("{name}:")));
    for word in README.split("`make ").skip(1).filter_map(|rest| rest.split(['`', ' ']).next()) {
        assert!(known(word), "make {word} is no target");
    }
}

#[test]
fn the_readmes_defaults_are_those_of_the_example() {
    let example = include_str!("../../.env.example");
    let (_, table) = README.split_once("| variable | default | |\n").expect("the table");
    let rows: Vec<_> = table.lines().skip(1).take_while(|line| line.starts_with("| `")).collect();
    assert!(rows.len() >= 8, "{rows:?}");
    for row in rows {
        let cells: Vec<&str> = row.split('|').map(|cell| cell.trim().trim_matches('`')).collect();
        let [_, name, default, ..] = cells[..] else { panic!("{row}") };
        let line = example.lines().find(|line| line.starts_with(&format!("#{name}=")));
        let line = line.unwrap_or_else(|| panic!("{name} is not in .env.example"));
        if row.contains(&format!("| `{default}` |")) {
            assert_eq!(line, format!("#{name}={default}"), "{row}");
        }
    }
}
