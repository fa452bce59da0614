//! Payouts while processes die, stand still, and the bank is away: the bank's own book and ours agree to the cent afterwards.

use std::time::Duration;

use sqlx::Row as _;
use tokio::time::sleep;
use uuid::Uuid;
use wallet::simulated_bank::Mode;

use super::support::{
    bank::{LATER, ORDINARY, agrees, all_end, app_with_bank, ends, pay_out, payout, servers_with_bank},
    customer::Customer,
    process::{Server, run},
    topic::tell_the_books,
    wait::until,
};

/// Accounts at which the bank pays at once, later, never, and loses its answer.
const ACCOUNTS: [&str; 4] = [ORDINARY, "0532019001", "0532019012", "0532019022"];

/// The server dies at each place between the steps of a payout; the next one goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_dies_between_two_steps_pays_once() {
    let (mut service, bank) = servers_with_bank(1, &[]).await;
    let customer = Customer::enabled(&service.servers[0].base).await;
    customer.deposit(10_000).await;
    drop(service.servers.pop());
    for point in ["write.payouts", "payout.claimed", "payout.answered", "payout.booked", "payout.finished"] {
        for time in [1, 3] {
            let mut armed = service.settings.clone();
            armed.insert("FAIL_POINT".to_owned(), format!("{point}:{time}"));
            let mut server = Server::start(&armed);
            let here = customer.at(&server.base);
            let mut sent = 0;
            // Until it dies: a point is passed with each payout, or with each of its ends.
            while sent < 40
                && here.try_send(reqwest::Method::GET, "/wallet", serde_json::json!({})).await.is_ok()
            {
                let body = super::support::bank::payout_body(10, ACCOUNTS[sent % ACCOUNTS.len()]);
                let _ = here.try_send(reqwest::Method::POST, "/wallet/payouts", body).await;
                sent += 1;
                sleep(Duration::from_millis(100)).await;
            }
            let ended = server.ended(Duration::from_secs(20));
            assert!(!ended.success(), "{point} was never passed");
            drop(server);
            let server = Server::start(&service.settings);
            service.servers.push(server);
            all_end(&service.db).await;
            agrees(&bank, &service.db).await;
            drop(service.servers.pop());
        }
    }
    let server = Server::start(&service.settings);
    service.servers.push(server);
    tell_the_books(&service.settings).await;
}

/// Two processes work on the same payouts; one stands still beyond its claims, and goes on later.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_was_suspended_beyond_its_claim_pays_nothing_twice() {
    let (service, bank) = servers_with_bank(2, &[]).await;
    let customer = Customer::enabled(&service.servers[0].base).await;
    customer.deposit(10_000).await;
    let there = customer.at(&service.servers[1].base);
    for round in 0..6 {
        bank.set_latency(Duration::from_millis(200));
        for number in 0..12 {
            let from = if number % 2 == 0 { &customer } else { &there };
            pay_out(from, 10, ACCOUNTS[number % ACCOUNTS.len()]).await;
        }
        sleep(Duration::from_millis(60 * round)).await;
        let still = &service.servers[usize::try_from(round % 2).unwrap()];
        still.signal("STOP");
        bank.set_latency(Duration::ZERO);
        // The other one takes up what it held.
        service.db.run(LATER).await;
        sleep(Duration::from_secs(1)).await;
        service.db.run(LATER).await;
        sleep(Duration::from_millis(500)).await;
        still.signal("CONT");
    }
    all_end(&service.db).await;
    sleep(Duration::from_secs(1)).await;
    agrees(&bank, &service.db).await;
    tell_the_books(&service.settings).await;
}

/// The bank is away for more than an hour of the worker's time, and comes back: everything goes out once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bank_that_was_away_for_an_hour_gets_everything_once() {
    let (mut app, bank) = app_with_bank(&[]).await;
    let customer = app.customer().await;
    customer.deposit(1_000).await;
    bank.set_mode(Mode::Down).await;
    let mut all: Vec<Uuid> = Vec::new();
    for number in 0..8 {
        all.push(pay_out(&customer, 10, ACCOUNTS[number % ACCOUNTS.len()]).await);
    }
    let mut waited = 0_i64;
    // Each look moves the time of all that wait to their next attempt, and counts what they would have waited.
    while waited < 3_600 {
        let next =
            "select coalesce(max(extract(epoch from next_attempt_at - now()))::int8, 0) from payout_attempts
                    where leased_until is null";
        waited += app.db.number(next).await.max(0);
        app.db.run(LATER).await;
        sleep(Duration::from_millis(400)).await;
    }
    assert_eq!(app.db.number("select count(*) from payout_attempts where needs_attention").await, 0);
    assert!(bank.entries().is_empty());
    bank.set_mode(Mode::Up).await;
    all_end(&app.db).await;
    for (id, account) in all.iter().zip(ACCOUNTS.iter().cycle()) {
        ends(&customer, *id, if *account == "0532019012" { "failed" } else { "success" }).await;
    }
    agrees(&bank, &app.db).await;
    app.stop().await;
}

/// After the bounded retries the money stays held until an operator decides.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payout_that_was_tried_often_enough_is_an_operators() {
    let (mut app, bank) = app_with_bank(&[]).await;
    let customer = app.customer().await;
    customer.deposit(1_000).await;
    bank.set_mode(Mode::Down).await;
    let mut all = Vec::new();
    for _ in 0..3 {
        all.push(pay_out(&customer, 100, ORDINARY).await);
    }
    let exhausted = "select count(*) from payout_attempts where needs_attention";
    app.db.run("update payout_attempts set failures = 26").await;
    until("three that need attention", Duration::from_secs(30), async || {
        app.db.run(LATER).await;
        sleep(Duration::from_millis(300)).await;
        (app.db.number(exhausted).await == 3).then_some(())
    })
    .await;
    bank.set_mode(Mode::Up).await;
    app.db.run(LATER).await;
    sleep(Duration::from_secs(1)).await;
    assert!(bank.entries().is_empty(), "the worker leaves them alone");
    for id in &all {
        assert_eq!(payout(&customer, *id).await["status"], "pending");
    }
    let decide = |verb: &str, id: &Uuid| {
        run(
            &app.settings,
            &["payouts", verb, &id.to_string(), "--actor", "ada", "--reason", "spoke to the bank"],
        )
    };
    assert_eq!(decide("return", &all[0]).0, Some(0));
    assert_eq!(payout(&customer, all[0]).await["failure_code"], "cancelled");
    assert_eq!(run(&app.settings, &["payouts", "retry", &all[1].to_string()]).0, Some(0));
    ends(&customer, all[1], "success").await;
    for ended in [&all[0], &all[1]] {
        for verb in ["settle", "return"] {
            let (status, printed) = decide(verb, ended);
            assert_eq!(status, Some(1), "{printed}");
        }
    }
    let reason: String =
        sqlx::query("select actor || ': ' || reason as text from steps where transaction_id = $1")
            .bind(all[0])
            .fetch_one(&mut app.db.connect().await)
            .await
            .expect("the step")
            .get("text");
    assert_eq!(reason, "operator:ada: spoke to the bank");
    assert_eq!(decide("return", &all[2]).0, Some(0));
    agrees(&bank, &app.db).await;
    app.stop().await;
}
