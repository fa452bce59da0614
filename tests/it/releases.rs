//! Deposits whose money may be spent from a later moment: over HTTP, by the loop, by the worker, and by several of them at once.

use std::{sync::Arc, time::Duration};

use chrono::{TimeDelta, Utc};
use futures_util::future::join_all;
use serde_json::{Value, json};
use uuid::Uuid;
use wallet::{
    kernel::clock::Timestamp,
    ledger::{
        Done, Refusal,
        audit::audit,
        posting::{PostingLoop, preview},
    },
};

use super::support::{
    app::TestApp,
    customer::{Answer, Customer},
    database::TestDatabase,
    operations::{Expecting, NotPosted, deposit_until, disable, enable, settings, settle_due, withdraw},
    wait::until,
};

fn ahead(time: TimeDelta) -> Timestamp {
    Utc::now() + time
}

async fn deposit_body(customer: &Customer, amount: i64, release_at: Value) -> Answer {
    let body = json!({"amount": amount, "reference_id": Uuid::new_v4(), "release_at": release_at});
    customer.post("/wallet/deposits", body).await
}

/// The fields of the wallet that have to do with money.
async fn money(customer: &Customer) -> (i64, i64, i64, Value) {
    let wallet = customer.get("/wallet").await.body["data"]["wallet"].clone();
    let number = |name: &str| wallet[name].as_i64().unwrap_or_else(|| panic!("{name} of {wallet}"));
    let next = wallet["next_release_at"].clone();
    (number("balance"), number("available_balance"), number("unreleased"), next)
}

/// Waits until the wallet shows this; the answer may lag.
async fn comes_to(customer: &Customer, expected: (i64, i64, i64, Value)) {
    for _ in 0..100 {
        if money(customer).await == expected {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(money(customer).await, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn money_that_waits_counts_at_once_and_is_spent_when_its_moment_has_come() {
    let mut app = TestApp::start().await;
    let customer = app.customer().await;
    let release_at = ahead(TimeDelta::seconds(4)).format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string();
    let later = "2031-01-01T00:00:00.000Z";
    let answer = deposit_body(&customer, 100, json!(release_at)).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let shown = &answer.body["data"]["deposit"];
    assert_eq!((&shown["release_at"], &shown["balance"]), (&json!(release_at), &json!(100)));
    assert_eq!((&shown["available_balance"], &shown["status"]), (&json!(0), &json!("success")));
    // In another offset, with digits that are not stored.
    let answer = deposit_body(&customer, 40, json!("2031-01-01T02:00:00.000999+02:00")).await;
    assert_eq!(answer.body["data"]["deposit"]["release_at"], json!(later));
    assert_eq!(customer.deposit(7).await.body["data"]["deposit"]["release_at"], Value::Null);

    comes_to(&customer, (147, 7, 140, json!(release_at))).await;
    assert_eq!(customer.withdraw(8).await.code(), "insufficient_funds");
    let listed = customer.get("/wallet/releases?limit=1").await.body["data"].clone();
    assert_eq!(
        (&listed["releases"][0]["amount"], &listed["releases"][0]["release_at"]),
        (&json!(100), &json!(release_at))
    );
    let next = listed["page"]["next"].as_str().expect("a second page");
    let second = customer.get(&format!("/wallet/releases?limit=1&after={next}")).await.body["data"].clone();
    assert_eq!((&second["releases"][0]["amount"], &second["page"]["next"]), (&json!(40), &Value::Null));

    comes_to(&customer, (147, 107, 40, json!(later))).await;
    assert_eq!(customer.withdraw(107).await.status, 201);
    let left = customer.get("/wallet/releases").await.body["data"]["releases"].clone();
    assert_eq!(left.as_array().map(Vec::len), Some(1));
    // The list has the deposit once, its view both entries.
    let all = customer.get("/wallet/transactions").await.body["data"]["transactions"].clone();
    assert_eq!(all.as_array().map(Vec::len), Some(5), "{all}");
    let id = shown["id"].as_str().expect("an id");
    let one = customer.get(&format!("/wallet/transactions/{id}")).await.body["data"]["transaction"].clone();
    let steps: Vec<_> = one["entries"].as_array().unwrap().iter().map(|e| e["step"].clone()).collect();
    assert_eq!(steps, [json!("booked"), json!("released")]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_release_that_is_not_ahead_is_a_field_error_and_a_known_key_gets_its_first_answer_all_the_same() {
    let mut app = TestApp::start_alone().await;
    let customer = app.customer().await;
    let text = |time: TimeDelta| json!(ahead(time).to_rfc3339());
    for wrong in
        [text(TimeDelta::seconds(-1)), text(TimeDelta::days(3_660)), json!("tomorrow"), json!(17), json!("")]
    {
        let answer = deposit_body(&customer, 1, wrong.clone()).await;
        assert_eq!((answer.status, answer.code()), (400, "validation_failed"), "{wrong}");
        assert!(answer.body["data"]["error"]["release_at"][0].is_string(), "{answer:?}");
    }
    let dry = json!({"amount": 1, "reference_id": Uuid::new_v4(), "release_at": text(TimeDelta::days(1))});
    let answer = customer.post("/wallet/deposits?dry_run=true", dry).await;
    assert_eq!((answer.status, &answer.body["data"]["deposit"]["available_balance"]), (200, &json!(0)));

    let body = json!({"amount": 5, "reference_id": Uuid::new_v4(), "release_at": text(TimeDelta::milliseconds(1_500))});
    let first = customer.keyed("/wallet/deposits", "k", &body).await;
    assert_eq!(first.status, 201, "{first:?}");
    tokio::time::sleep(Duration::from_millis(1_900)).await;
    let again = customer.keyed("/wallet/deposits", "k", &body).await;
    assert_eq!((again.status, again.replayed, &again.body), (201, true, &first.body));
    app.stop().await;
}

#[tokio::test]
async fn a_spender_releases_what_is_due_and_of_several_at_once_each_item_is_released_once() {
    let db = TestDatabase::create().await;
    let wallet = db.wallets(1).await[0];
    let loops = [0, 1].map(|_| PostingLoop::start(settings(&db.url), Arc::default()));
    for _ in 0..20 {
        loops[0].book(deposit_until(wallet, 10, ahead(TimeDelta::milliseconds(2_000)))).await.unwrap();
    }
    let pool = wallet::db::connect(&db.url, 1).unwrap();
    let short = Err(NotPosted::Refused {
        refusal: Refusal::InsufficientFunds { available: 0, required: 200 },
        replayed: false,
    });
    assert_eq!(loops[0].book(withdraw(wallet, 200)).await, short);
    tokio::time::sleep(Duration::from_millis(2_100)).await;
    let previewed = preview(&pool, withdraw(wallet, 200)).await.unwrap().decision;
    assert!(matches!(previewed, Ok(Done::Preview(_))), "{previewed:?}");
    let loops = &loops;
    let racing = join_all((0..10_usize).map(|n| async move {
        if n.is_multiple_of(2) {
            loops[n / 2 % 2].book(settle_due(wallet)).await
        } else {
            loops[n / 2 % 2].book(withdraw(wallet, 40)).await
        }
    }));
    let booked =
        racing.await.into_iter().filter(|posted| matches!(posted, Ok(p) if matches!(p.done, Done::Money(_))));
    assert_eq!(booked.count(), 5);
    let releases = "select count(*) from entries where kind = 5";
    assert_eq!(db.number(releases).await, 20);
    assert_eq!(db.number("select available + unreleased from wallets").await, 0);
    assert_eq!(audit(&db.url).await.unwrap(), []);
}

#[tokio::test]
async fn funds_are_not_insufficient_while_more_is_due_than_one_batch_releases() {
    let db = TestDatabase::create().await;
    let wallet = db.wallets(1).await[0];
    let posting_loop = PostingLoop::start(settings(&db.url), Arc::default());
    let due = ahead(TimeDelta::seconds(5));
    let deposits = join_all((0..1_300).map(|_| posting_loop.book(deposit_until(wallet, 1, due)))).await;
    assert!(deposits.iter().all(Result::is_ok));
    tokio::time::sleep_until(tokio::time::Instant::now() + (due - Utc::now()).to_std().unwrap_or_default())
        .await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    let all = posting_loop.book(withdraw(wallet, 1_300)).await.unwrap();
    assert_eq!(all.receipt().balance.buckets.available, 0);
    assert_eq!(db.number("select count(*) from releases where closed_by is null").await, 0);
}

#[tokio::test]
async fn releases_go_on_in_a_disabled_and_in_a_frozen_wallet() {
    let db = TestDatabase::create().await;
    let wallets = db.wallets(2).await;
    let posting_loop = PostingLoop::start(settings(&db.url), Arc::default());
    for wallet in &wallets {
        posting_loop.book(deposit_until(*wallet, 10, ahead(TimeDelta::milliseconds(1_000)))).await.unwrap();
    }
    posting_loop.book(disable(wallets[0])).await.unwrap();
    db.run(&format!("update wallets set frozen_at = now() where id = '{}'", wallets[1])).await;
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    for wallet in &wallets {
        let Done::Settled(settled) = posting_loop.book(settle_due(*wallet)).await.unwrap().done else {
            panic!()
        };
        assert_eq!((settled.steps, settled.is_more_due, settled.balance.buckets.available), (1, false, 10));
    }
    posting_loop.book(enable(wallets[0])).await.unwrap();
    posting_loop.book(withdraw(wallets[0], 10)).await.unwrap();
    db.run("update wallets set frozen_at = null").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wallet_that_another_session_holds_does_not_hold_up_the_releases_of_others() {
    let mut app = TestApp::start_alone().await;
    let (held, other) = (app.customer().await, app.customer().await);
    let release_at = ahead(TimeDelta::seconds(1)).to_rfc3339();
    for customer in [&held, &other] {
        assert_eq!(deposit_body(customer, 5, json!(release_at)).await.status, 201);
    }
    let mut session = app.db.connect().await;
    let lock = format!("begin; select from wallets where id = '{}' for update", held.wallet);
    sqlx::raw_sql(sqlx::AssertSqlSafe(lock)).execute(&mut session).await.unwrap();
    let open = "select count(*) from releases where closed_by is null";
    until("the other one is booked", Duration::from_secs(10), async || {
        (app.db.number(open).await == 1).then_some(())
    })
    .await;
    for customer in [&held, &other] {
        comes_to(customer, (5, 5, 0, Value::Null)).await;
    }
    sqlx::raw_sql("rollback").execute(&mut session).await.unwrap();
    until("the held one is booked", Duration::from_secs(20), async || {
        (app.db.number(open).await == 0).then_some(())
    })
    .await;
    app.stop().await;
}
