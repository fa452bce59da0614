//! The `wallet` command: what it prints and how it ends.

mod outputs;
mod settings;

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    process::{Child, Command, Output, Stdio},
};

use redis::Commands;
use serde_json::json;

use crate::support::{
    app::{PRODUCTION, Settings, TestApp, settings_for},
    database::TestDatabase,
    leftovers::own_name,
    process::{Server, command},
    servers::servers,
};

fn set(settings: &[(&str, &str)]) -> Settings {
    settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// A database that nobody listens for; enough for what does not ask it.
fn nowhere() -> Settings {
    let port =
        TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port").port();
    set(&[("DATABASE_URL", &format!("postgres://wallet@127.0.0.1:{port}/wallet"))])
}

fn run(settings: &Settings, arguments: &[&str]) -> Output {
    command(settings, arguments).stdin(Stdio::null()).output().expect("the wallet command")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("text")
}

/// How a command ended: its exit code, what it printed, what it complained of.
fn ended(output: &Output) -> (Option<i32>, String, String) {
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

const COMMANDS: [&[&str]; 15] = [
    &[],
    &["serve"],
    &["migrate"],
    &["migrate", "up"],
    &["migrate", "down"],
    &["migrate", "status"],
    &["migrate", "grants"],
    &["openapi"],
    &["audit"],
    &["books"],
    &["books", "accept-clock", "--actor", "ann", "--reason", "a test"],
    &["books", "new-generation", "--actor", "ann", "--reason", "a test"],
    &["token", "--scope", "service"],
    &["cache", "rebuild"],
    &["simulate-bank"],
];

#[test]
fn every_command_explains_itself() {
    for arguments in COMMANDS {
        let (code, told, complained) = ended(&run(&Settings::new(), &[arguments, &["--help"]].concat()));
        assert_eq!((code, complained.as_str()), (Some(0), ""), "{arguments:?}");
        let words = arguments.iter().copied().take_while(|word| !word.starts_with('-'));
        let usage = ["Usage: wallet"].into_iter().chain(words).collect::<Vec<_>>().join(" ");
        assert!(told.contains(&usage), "{usage:?}\n{told}");
        let first = told.lines().next().unwrap_or_default();
        assert!(first.len() > 10 && !first.starts_with("Usage"), "what it does comes first: {told}");
    }
    let (code, told, _) = ended(&run(&Settings::new(), &["--help"]));
    for name in ["serve", "migrate", "openapi", "audit", "cache", "Exit codes"] {
        assert!(told.contains(name), "{name}\n{told}");
    }
    assert_eq!(code, Some(0));
    let (code, told, _) = ended(&run(&Settings::new(), &["--version"]));
    assert_eq!((code, told.trim()), (Some(0), concat!("wallet ", env!("CARGO_PKG_VERSION"))));
}

#[test]
fn wrong_use_ends_with_2() {
    for arguments in [
        &[][..],
        &["frobnicate"],
        &["serve", "now"],
        &["serve", "--port", "1"],
        &["--serve"],
        &["migrate"],
        &["migrate", "sideways"],
        &["migrate", "up", "--all"],
        &["cache"],
        &["cache", "clear"],
        &["audit", "-x"],
    ] {
        let (code, told, complained) = ended(&run(&nowhere(), arguments));
        assert_eq!((code, told.as_str()), (Some(2), ""), "{arguments:?}");
        assert!(complained.contains("Usage: wallet"), "{arguments:?}\n{complained}");
    }
}

#[test]
fn the_document_is_printed_without_any_setting() {
    let (code, told, complained) = ended(&run(&Settings::new(), &["openapi"]));
    assert_eq!((code, complained.as_str()), (Some(0), ""));
    assert_eq!(told, include_str!("../../swagger/openapi.json"));
}

#[tokio::test]
async fn the_tables_go_up_down_and_up_again() {
    let db = TestDatabase::empty().await;
    let mut settings = settings_for(&db);
    settings.insert("DATABASE_URL".to_owned(), db.owner_url.clone());
    let migrate = |arguments: &[&str]| {
        let (code, told, complained) = ended(&run(&settings, &[&["migrate"], arguments].concat()));
        assert_eq!(code, Some(0), "{arguments:?}\n{complained}");
        told
    };
    let tables = async || {
        db.number("select count(*) from pg_tables where schemaname = 'public' and tablename = 'entries'")
            .await
    };
    let none = migrate(&["status"]);
    assert!(none.starts_with("0001 books: missing\n0002 transfers and keys: missing\n"), "{none}");
    let count = none.lines().count();
    let state = |applied: usize| none.replacen(": missing", ": applied", applied);
    let step = |arguments: &'static [&str], applied| (arguments, applied);
    let ups = [step(&["up"], count), step(&["up"], count), step(&["status"], count)];
    let downs = (0..count).rev().map(|applied| step(&["down"], applied));
    let rest = [step(&["down"], 0), step(&["up"], count), step(&["down", "--all"], 0)];
    for (arguments, applied) in ups.into_iter().chain(downs).chain(rest) {
        let expected = (state(applied), i64::from(applied > 0));
        assert_eq!((migrate(arguments), tables().await), expected, "{arguments:?}");
    }
    let (code, _, complained) = ended(&run(&settings, &["audit"]));
    assert!(code == Some(1) && complained.lines().count() == 1, "no tables, no audit: {complained}");
}

#[tokio::test]
async fn down_says_what_would_be_lost_and_how_to_lose_it() {
    let db = TestDatabase::create().await.unaudited();
    db.wallets(3).await;
    let mut settings = settings_for(&db);
    settings.insert("DATABASE_URL".to_owned(), db.owner_url.clone());
    let (code, told, complained) = ended(&run(&settings, &["migrate", "down", "--all"]));
    assert_eq!((code, told.as_str()), (Some(1), ""));
    assert!(complained.contains("it would drop 3 rows of customers"), "{complained}");
    assert!(
        complained.contains("`wallet migrate down --all --yes-lose-data` (in a checkout"),
        "{complained}"
    );
    assert_eq!(db.number("select count(*) from wallets").await, 3);
    // In production not even empty tables.
    let empty = TestDatabase::create().await.unaudited();
    settings.insert("DATABASE_URL".to_owned(), empty.owner_url.clone());
    settings.extend(set(&PRODUCTION));
    let (code, told, complained) = ended(&run(&settings, &["migrate", "down", "--all"]));
    assert_eq!((code, told.as_str()), (Some(1), ""));
    assert!(complained.contains("APP_ENV is production"), "{complained}");
    let tables = "select count(*) from pg_tables where tablename = 'entries'";
    assert_eq!(empty.number(tables).await, 1);
    let (code, _, complained) = ended(&run(&settings, &["migrate", "down", "--all", "--yes-lose-data"]));
    assert_eq!((code, empty.number(tables).await), (Some(0), 0), "{complained}");
}

#[tokio::test]
async fn the_audit_ends_with_1_and_names_the_rows_when_the_books_are_broken() {
    let db = TestDatabase::create().await.unaudited();
    let settings = settings_for(&db);
    let wallet = db.wallets(2).await[1];
    let (code, told, complained) = ended(&run(&settings, &["audit"]));
    assert_eq!((code, complained.as_str()), (Some(0), ""));
    assert!(told.starts_with("the books are whole"), "{told}");
    db.run(&format!("update wallets set available = 5 where id = '{wallet}'")).await;
    let (code, told, complained) = ended(&run(&settings, &["audit"]));
    assert_eq!(code, Some(1), "{told}");
    assert!(told.contains(&wallet.to_string()), "{told}");
    assert!(complained.contains("rules are broken"), "{complained}");
}

#[tokio::test]
async fn rebuilding_fills_redis_from_postgres() {
    let mut app = TestApp::start().await;
    let mut customers = Vec::new();
    for amount in 1..=3 {
        let customer = app.customer().await;
        assert_eq!(customer.deposit(amount * 100).await.status, 201);
        customers.push((customer, amount * 100));
    }
    app.stop().await;
    // A Redis that knows nothing: other keys than those the service has written.
    let prefix = format!("{}:", own_name());
    let mut settings = app.settings.clone();
    settings.insert("REDIS_PREFIX".to_owned(), prefix.clone());
    let mut redis =
        redis::Client::open(servers().redis_url.as_str()).expect("a URL").get_connection().expect("Redis");
    for round in 0..2 {
        let (code, told, complained) = ended(&run(&settings, &["cache", "rebuild"]));
        assert_eq!(
            (code, told.as_str()),
            (Some(0), "3 wallets are in the cache\n"),
            "round {round}: {complained}"
        );
        let keys: Vec<String> = redis.keys(format!("{prefix}*")).expect("the keys");
        // The three wallets, and the mark of the books that they are from.
        assert_eq!(keys.len(), 4, "{keys:?}");
        for (customer, amount) in &customers {
            let key = keys.iter().find(|key| key.ends_with(&customer.wallet.to_string())).expect("its key");
            let (money, version, status): (String, i64, String) =
                redis.hmget(key, &["money", "version", "status"]).expect("its hash");
            assert!(money.contains(&format!(" available={amount} ")), "{money}");
            assert_eq!((version, status.split(' ').next()), (1, Some("status=enabled")), "{status}");
        }
    }
    // A service with these keys answers from them.
    let own_group = own_name();
    settings.insert("KAFKA_GROUP_PREFIX".to_owned(), own_group);
    let server = Server::start(&settings);
    for (customer, amount) in &customers {
        let seen = customer.at(&server.base).get("/wallet").await;
        assert_eq!(seen.body["data"]["wallet"]["balance"], json!(amount));
    }
    let keys: Vec<String> = redis.keys(format!("{prefix}*")).expect("the keys");
    let () = redis.del(keys).expect("deleted");
}

/// A process that is ended when this is dropped.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What `serve` says when it is up works as it is pasted, and twice.
#[tokio::test]
async fn the_lines_that_serve_prints_work_as_pasted_twice() {
    let db = TestDatabase::create().await;
    let mut command = command(&settings_for(&db), &["serve"]);
    let mut child = Ended(command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("the service"));
    let mut lines = BufReader::new(child.0.stdout.take().expect("its output")).lines().map_while(Result::ok);
    let base = lines
        .next()
        .and_then(|line| line.strip_prefix("listening on ").map(str::to_owned))
        .expect("its address");
    let page = lines.next().expect("the page");
    assert!(page.ends_with(&format!("{base}/swagger")), "{page}");
    let pasted: Vec<String> = lines.filter(|line| line.contains("curl")).take(3).collect();
    assert_eq!(pasted.len(), 3);
    for round in 0..2 {
        let mut bash =
            Command::new("bash").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("bash");
        bash.stdin.take().expect("its input").write_all(pasted.join("\n").as_bytes()).expect("the lines");
        let mut told = String::new();
        bash.stdout.take().expect("its output").read_to_string(&mut told).expect("what it says");
        assert!(bash.wait().expect("its end").success(), "round {round}: {told}");
        let answers: Vec<serde_json::Value> = serde_json::Deserializer::from_str(&told)
            .into_iter()
            .collect::<Result<_, _>>()
            .expect("two answers");
        assert_eq!(answers.len(), 2, "{told}");
        assert_eq!(answers[0]["data"]["wallet"]["status"], json!("enabled"));
        assert_eq!(answers[1]["data"]["deposit"]["balance"], json!(1000));
    }
    assert_eq!(db.number("select count(*) from wallets").await, 2);
}
