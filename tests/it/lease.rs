//! How long the cache may answer: nothing that stands still, dies or has a strange date makes it look fresh.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;
use sqlx::Row;
use tokio::time::{Instant, sleep};
use wallet::events::topic_watcher::{TopicState, TopicWatcher};

use super::support::{
    customer::Customer, database::TestDatabase, process::Server, service::Service, wait::until,
};

/// How many balances a server has read from there so far.
async fn reads_from(base: &str, place: &str) -> u64 {
    let page = crate::support::client::get(format!("{base}/metrics"))
        .await
        .expect("the page")
        .text()
        .await
        .expect("text");
    let name = format!("wallet_balance_reads_total{{from=\"{place}\"}} ");
    page.lines().find_map(|line| line.strip_prefix(&name)?.parse().ok()).unwrap_or(0)
}

/// The server that refreshes the cache stands still, and another one books. Requests wait for the first one and are
/// answered in the instant in which it wakes: before any of its tasks has had time to notice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_stood_still_does_not_answer_from_what_it_knew_before() {
    let mut service = Service::of(1, &[]).await;
    let base = service.servers[0].base.clone();
    let mut customers = Vec::new();
    for _ in 0..12 {
        customers.push(Customer::enabled(&base).await);
    }
    until("balances come from the cache", Duration::from_secs(30), async || {
        join_all(customers.iter().map(|customer| customer.get("/wallet"))).await;
        (reads_from(&base, "cache").await >= 12).then_some(())
    })
    .await;
    service.servers.push(Server::start(&service.settings));
    let there: Vec<Customer> =
        customers.iter().map(|customer| customer.at(&service.servers[1].base)).collect();
    service.servers[0].signal("STOP");
    for customer in &there {
        assert_eq!(customer.deposit(700).await.status, 201);
    }
    let asked: Vec<_> = customers
        .iter()
        .map(|customer| {
            let customer = customer.clone();
            tokio::spawn(async move { customer.get("/wallet").await })
        })
        .collect();
    sleep(Duration::from_secs(8)).await;
    service.servers[0].signal("CONT");
    for answer in join_all(asked).await {
        let answer = answer.expect("an answer");
        assert_eq!(answer.body["data"]["wallet"]["balance"], json!(700), "changed 8 s ago: {answer:?}");
    }
    until("balances come from the cache again", Duration::from_secs(40), async || {
        let before = reads_from(&base, "cache").await;
        customers[0].get("/wallet").await;
        (reads_from(&base, "cache").await > before).then_some(())
    })
    .await;
}

/// The relay does not get past a row without its transaction, and that row was dated by a clock that was a year ahead.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn balances_are_right_while_the_relay_is_stuck_at_a_row_dated_a_year_ahead() {
    let mut service = Service::of(1, &[]).await;
    service.db = service.db.unaudited();
    let base = service.servers[0].base.clone();
    let customer = Customer::enabled(&base).await;
    until("balances come from the cache", Duration::from_secs(30), async || {
        customer.get("/wallet").await;
        (reads_from(&base, "cache").await > 0).then_some(())
    })
    .await;
    service
        .db
        .run(
            "insert into entries (wallet_id, version, transaction_id, kind, delta_available, delta_held, delta_unreleased,
                                  available, held, unreleased, occurred_at, hash)
             select gen_random_uuid(), 1, gen_random_uuid(), 1, 1, 0, 0, 1, 0, 0, now() + interval '1 year',
                    decode(repeat('00', 32), 'hex')",
        )
        .await;
    assert_eq!(customer.deposit(700).await.status, 201);
    let booked = Instant::now();
    until("the deposit is shown", Duration::from_secs(5), async || {
        let answer = customer.get("/wallet").await;
        (answer.body["data"]["wallet"]["balance"] == json!(700)).then_some(())
    })
    .await;
    println!("shown after {:?}", booked.elapsed());
    let health = crate::support::client::get(format!("{base}/health")).await.expect("an answer");
    let health: serde_json::Value = health.json().await.expect("a report");
    let behind = health["data"]["topic_behind_ms"].as_i64().expect("a number");
    assert!((0..3_600_000).contains(&behind), "{health}");
}

async fn look(watcher: &mut TopicWatcher) -> TopicState {
    watcher.look().await.expect("Postgres answers")
}

/// Books in which the last row was dated by a clock that was a year ahead.
#[tokio::test]
async fn a_row_dated_a_year_ahead_makes_no_topic_look_complete() {
    let db = TestDatabase::create().await.unaudited();
    let mut watcher = TopicWatcher::new(db.url.clone());
    let before = Instant::now();
    let state = look(&mut watcher).await;
    assert!(state.complete_through >= Some(before), "empty books are in the topic: {state:?}");
    assert_eq!(state.behind, Duration::ZERO);
    db.wallets(1).await;
    db.run("update cursors set position = (select max(position) from status_changes) where log = 'status_changes'").await;
    let insert = |version: i64, date: &str| {
        format!(
            "insert into entries (wallet_id, version, transaction_id, kind, delta_available, delta_held, delta_unreleased,
                                  available, held, unreleased, occurred_at, hash)
             select id, {version}, gen_random_uuid(), 1, 1, 0, 0, 1, 0, 0, {date}, decode(repeat('00', 32), 'hex')
             from wallets"
        )
    };
    db.run(&insert(1, "now() + interval '1 year'")).await;
    let booked = Instant::now();
    for _ in 0..3 {
        sleep(Duration::from_millis(20)).await;
        let state = look(&mut watcher).await;
        assert!(state.complete_through < Some(booked), "the row is not in the topic: {state:?}");
        assert!(state.behind > Duration::ZERO && state.behind < Duration::from_secs(60), "{state:?}");
    }
    // A watcher that begins now knows of no moment at all.
    let mut fresh = TopicWatcher::new(db.url.clone());
    let state = look(&mut fresh).await;
    assert_eq!(state.complete_through, None);
    assert!(state.behind < Duration::from_secs(60), "a date in the future is no age: {state:?}");
    // Constant load: there is always a row beyond the cursor, and the ends of a moment ago are passed all the same.
    let mut last = None;
    for version in 2..12 {
        let reached =
            "update cursors set position = (select max(position) from entries) where log = 'entries'";
        db.run(reached).await;
        db.run(&insert(version, "now()")).await;
        let state = look(&mut watcher).await;
        assert!(state.complete_through >= last, "{state:?}");
        last = state.complete_through;
    }
    assert!(last > Some(booked), "it came on though there was always a row beyond the cursor");
}

/// Whatever becomes of the watcher's connection, it finds Postgres again.
#[tokio::test]
async fn a_watcher_whose_session_was_ended_asks_again() {
    let db = TestDatabase::create().await;
    let mut watcher = TopicWatcher::new(db.url.clone());
    look(&mut watcher).await;
    let mut conn = db.connect().await;
    let end = "select count(pg_terminate_backend(pid)) from pg_stat_activity
               where datname = current_database() and application_name = 'wallet topic watcher'";
    let ended: i64 = sqlx::query(end).fetch_one(&mut conn).await.expect("an answer").get(0);
    assert_eq!(ended, 1);
    assert!(watcher.look().await.is_err());
    let before = Instant::now();
    assert!(look(&mut watcher).await.complete_through >= Some(before));
}
