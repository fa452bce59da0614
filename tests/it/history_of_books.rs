//! Books that were restored to an earlier moment, beside a topic that knows of later ones.

use std::{process::Output, sync::Arc, time::Duration};

use serde_json::Value;
use wallet::{kernel::ids::WalletId, ledger::posting::PostingLoop};

use super::support::{
    app::{PRODUCTION, Settings, settings_for},
    customer::Customer,
    database::TestDatabase,
    operations::{Expecting, deposit, settings as loop_settings},
    process::{Server, command},
    topic::whole,
    topic_audit::disagreements,
    wait::until,
};

const WAIT_TIMEOUT: Duration = Duration::from_secs(30);

fn books(settings: &Settings, arguments: &[&str]) -> Output {
    let arguments: Vec<&str> = ["books"].iter().chain(arguments).copied().collect();
    command(settings, &arguments).output().expect("the command")
}

/// The first server of a test: when all is well, the topics have been made.
async fn first_server(settings: &Settings) -> Server {
    let server = Server::start(settings);
    until("all is well", WAIT_TIMEOUT, async || (health(&server).await["status"] == "ok").then_some(()))
        .await;
    server
}

async fn health(server: &Server) -> Value {
    let answer = crate::support::client::get(format!("{}/health", server.base)).await.expect("an answer");
    answer.json::<Value>().await.expect("JSON")["data"].clone()
}

/// Each message of the money topic: source, generation, wallet and version, in the order of the partition.
async fn messages(settings: &Settings) -> Vec<(String, i64, String, i64)> {
    let all = whole(&settings["KAFKA_BROKERS"], &settings["KAFKA_TOPIC_TRANSACTIONS"]).await;
    all.iter()
        .map(|message| {
            let number = |name: &str| message.body[name].as_i64().expect("a number");
            let source = message.headers["ce_source"].clone();
            (source, number("generation"), message.key.clone(), number("version"))
        })
        .collect()
}

async fn published(settings: &Settings, count: usize) -> Vec<(String, i64, String, i64)> {
    until("everything is published", WAIT_TIMEOUT, async || {
        let all = messages(settings).await;
        (all.len() >= count).then_some(all)
    })
    .await
}

/// Books with a deposit of 100 and one of 900, both published, and a backup of them that has the first deposit only.
struct Lost {
    _db: TestDatabase,
    backup: TestDatabase,
    /// Of the books that have both.
    settings: Settings,
    customer: Customer,
    server: Server,
}

async fn lost_deposit() -> Lost {
    let db = TestDatabase::create().await;
    let settings = settings_for(&db);
    let server = first_server(&settings).await;
    let customer = Customer::enabled(&server.base).await;
    assert_eq!(customer.deposit(100).await.status, 201);
    published(&settings, 1).await;
    drop(server);
    let backup = db.copy().await;
    let server = Server::start(&settings);
    let customer = customer.at(&server.base);
    assert_eq!(customer.deposit(900).await.status, 201);
    published(&settings, 2).await;
    Lost { _db: db, backup, settings, customer, server }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn books_restored_to_an_earlier_moment_are_published_only_after_an_operator_has_said_so() {
    let Lost { _db, backup, mut settings, customer, server } = lost_deposit().await;
    drop(server);

    settings.insert("DATABASE_URL".to_owned(), backup.url.clone());
    let server = Server::start(&settings);
    let customer = customer.at(&server.base);
    let notes = until("the relay asks", WAIT_TIMEOUT, async || {
        let health = health(&server).await;
        let notes = health["notes"].to_string();
        (health["status"] == "degraded" && notes.contains("restored to an earlier moment")).then_some(notes)
    })
    .await;
    assert!(notes.contains("wallet books new-generation"), "{notes}");
    assert_eq!(customer.deposit(7).await.status, 201, "money moves all the same");
    assert_eq!(messages(&settings).await.len(), 2, "nothing is published in the old generation");

    let begun =
        books(&settings, &["new-generation", "--actor", "ann", "--reason", "backup of noon restored"]);
    assert!(begun.status.success(), "{begun:?}");
    let all = published(&settings, 3).await;
    let generation = backup.number("select max(generation) from generations").await;
    assert!(generation > 1_700_000_000, "the seconds since 1970: {generation}");
    let expected = (format!("/wallet/g{generation}"), generation, customer.wallet.to_string(), 2);
    assert_eq!(all[2], expected, "the second version once more, in the new generation");
    assert_eq!(
        all[..2].iter().map(|m| (m.0.as_str(), m.1, m.3)).collect::<Vec<_>>(),
        [("/wallet", 1, 1), ("/wallet", 1, 2)]
    );
    let disagreements = disagreements(&settings).await;
    assert!(disagreements.is_empty(), "what the books have lost is superseded: {disagreements:#?}");
    until("all is well again", WAIT_TIMEOUT, async || {
        (health(&server).await["status"] == "ok").then_some(())
    })
    .await;
}

/// Restored books that were booked on before a relay looked at them have the topic's last position again, with another row.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn restored_books_that_have_gone_on_beyond_the_topic_are_not_published_either() {
    let Lost { _db, backup, mut settings, customer, server } = lost_deposit().await;
    drop(server);

    // Nobody relays while these are booked.
    let posting_loop = PostingLoop::start(loop_settings(&backup.url), Arc::default());
    for _ in 0..40 {
        posting_loop.book(deposit(WalletId(customer.wallet), 1)).await.unwrap();
    }
    drop(posting_loop);
    settings.insert("DATABASE_URL".to_owned(), backup.url.clone());
    let server = Server::start(&settings);
    until("the relay asks", WAIT_TIMEOUT, async || {
        let notes = health(&server).await["notes"].to_string();
        notes.contains("that the books do not have").then_some(())
    })
    .await;
    assert_eq!(messages(&settings).await.len(), 2, "nothing is published in the old generation");
    let begun =
        books(&settings, &["new-generation", "--actor", "ann", "--reason", "backup of noon restored"]);
    assert!(begun.status.success(), "{begun:?}");
    let all = published(&settings, 42).await;
    let generation = backup.number("select max(generation) from generations").await;
    assert!(all[2..].iter().all(|message| message.1 == generation), "{all:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_generation_that_is_begun_while_a_relay_leads_reaches_the_next_message() {
    let db = TestDatabase::create().await;
    let settings = settings_for(&db);
    let server = first_server(&settings).await;
    let customer = Customer::enabled(&server.base).await;
    assert_eq!(customer.deposit(1).await.status, 201);
    published(&settings, 1).await;
    for _ in 0..2 {
        let begun = books(&settings, &["new-generation", "--actor", "ann", "--reason", "a rehearsal"]);
        assert!(begun.status.success(), "{begun:?}");
    }
    assert_eq!(db.number("select count(*) from generations").await, 3, "each call begins one");
    assert_eq!(customer.deposit(2).await.status, 201);
    let all = published(&settings, 2).await;
    assert_eq!(all[1].1, db.number("select max(generation) from generations").await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_production_a_topic_of_other_books_is_left_alone() {
    let other = TestDatabase::create().await;
    let mut settings = settings_for(&other);
    let server = first_server(&settings).await;
    let customer = Customer::enabled(&server.base).await;
    assert_eq!(customer.deposit(1).await.status, 201);
    published(&settings, 1).await;
    drop(server);

    let db = TestDatabase::create().await;
    // Databases of tests are copies of one template.
    db.run("update books set id = gen_random_uuid()").await;
    let wallet = db.wallets(1).await[0];
    let posting_loop = PostingLoop::start(loop_settings(&db.url), Arc::default());
    posting_loop.book(deposit(wallet, 2)).await.unwrap();
    settings.insert("DATABASE_URL".to_owned(), db.url.clone());
    settings.extend(PRODUCTION.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let server = Server::start(&settings);
    until("the relay asks", WAIT_TIMEOUT, async || {
        health(&server).await["notes"].to_string().contains("messages of other books").then_some(())
    })
    .await;
    assert_eq!(messages(&settings).await.len(), 1);
}

/// A data-only restore and logical replication leave sequences where a new database has them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sequence_that_a_restore_has_left_behind_loses_no_event() {
    let db = TestDatabase::create().await;
    let settings = settings_for(&db);
    let server = first_server(&settings).await;
    let customer = Customer::enabled(&server.base).await;
    for _ in 0..3 {
        assert_eq!(customer.deposit(1).await.status, 201);
    }
    published(&settings, 3).await;
    drop(server);
    db.run(
        "select setval('entries_position_seq', 1, false), setval('status_changes_position_seq', 1, false)",
    )
    .await;
    let server = Server::start(&settings);
    let customer = customer.at(&server.base);
    assert_eq!(customer.deposit(1).await.status, 201);
    let all = published(&settings, 4).await;
    assert_eq!(all.iter().map(|message| message.3).collect::<Vec<_>>(), [1, 2, 3, 4]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_does_not_lead_while_its_cursor_is_beyond_the_sequence() {
    let db = TestDatabase::create().await.unaudited();
    let settings = settings_for(&db);
    let server = first_server(&settings).await;
    let customer = Customer::enabled(&server.base).await;
    assert_eq!(customer.deposit(1).await.status, 201);
    published(&settings, 1).await;
    db.run("update cursors set position = 50 where log = 'entries'").await;
    let cut = "select pg_terminate_backend(pid) from pg_stat_activity
               where datname = current_database() and application_name = 'wallet relay'";
    db.run(cut).await;
    until("the relay asks", WAIT_TIMEOUT, async || {
        health(&server).await["notes"].to_string().contains("entries_position_seq").then_some(())
    })
    .await;
}

/// Redis keeps what the lost history had; the books that were restored have less.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cache_of_a_lost_history_is_not_believed() {
    let Lost { _db, backup, mut settings, customer, server } = lost_deposit().await;
    until("the balance is in the cache", WAIT_TIMEOUT, async || shows(&customer, 1_000).await).await;
    drop(server);

    settings.insert("DATABASE_URL".to_owned(), backup.url.clone());
    let begun =
        books(&settings, &["new-generation", "--actor", "ann", "--reason", "backup of noon restored"]);
    assert!(begun.status.success(), "{begun:?}");
    let server = Server::start(&settings);
    let customer = customer.at(&server.base);
    until("the lease is kept again", WAIT_TIMEOUT, async || {
        (health(&server).await["status"] == "ok").then_some(())
    })
    .await;
    assert_eq!(shows(&customer, 100).await, Some(()), "the books have 100, whatever Redis has kept");
    assert_eq!(customer.deposit(7).await.status, 201);
    published(&settings, 3).await;
    until("the new history reaches the cache", WAIT_TIMEOUT, async || shows(&customer, 107).await).await;
}

/// Whether the balance is this one, without asking for a version.
async fn shows(customer: &Customer, balance: i64) -> Option<()> {
    let answer = customer.get("/wallet").await;
    (answer.body["data"]["wallet"]["balance"] == balance).then_some(())
}
