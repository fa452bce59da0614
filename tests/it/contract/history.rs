//! The transaction list.

use serde_json::{Value, json};
use uuid::Uuid;

use super::wire::{Reply, Wire, age_of, names};
use crate::support::app::TestApp;

fn lines(reply: &Reply) -> Vec<Value> {
    reply.assert_jsend();
    assert_eq!(reply.status, 200, "{reply:?}");
    assert_eq!(names(&reply.json()["data"]), ["transactions", "page"]);
    reply.json()["data"]["transactions"].as_array().expect("a list").clone()
}

fn amounts(lines: &[Value]) -> Vec<i64> {
    lines.iter().map(|line| line["amount"].as_i64().expect("an amount")).collect()
}

fn next(reply: &Reply) -> Option<String> {
    assert_eq!(names(&reply.json()["data"]["page"]), ["next"]);
    reply.json()["data"]["page"]["next"].as_str().map(str::to_owned)
}

#[tokio::test]
async fn the_list_has_every_movement_and_every_attempt_newest_first() {
    let app = TestApp::start().await;
    let customer = Wire::to(&app.base).enabled().await;
    assert_eq!(lines(&customer.get("/wallet/transactions").await), Vec::<Value>::new());
    let reference = Uuid::new_v4();
    let deposited = customer.deposit(100).await.json()["data"]["deposit"].clone();
    assert_eq!(customer.withdraw(101, reference).await.code(), (400, "insufficient_funds".to_owned()));
    assert_eq!(customer.withdraw(102, reference).await.code(), (400, "insufficient_funds".to_owned()));
    // No other refusal is listed.
    let again = [("amount", "100"), ("reference_id", deposited["reference_id"].as_str().unwrap())];
    assert_eq!(customer.form("/wallet/deposits", &again).await.code().1, "duplicate_reference");
    // The reference of what failed is free until something is booked with it.
    let withdrawn = customer.withdraw(30, reference).await.json()["data"]["withdrawal"].clone();
    assert_eq!(customer.withdraw(30, reference).await.json()["data"]["transaction_id"], withdrawn["id"]);

    let reply = customer.get("/wallet/transactions").await;
    let lines = lines(&reply);
    assert_eq!(reply.header("wallet-version"), "4");
    assert_eq!(next(&reply), None);
    let line = |at: usize| &lines[at];
    for (at, (kind, status, amount)) in [
        ("withdrawal", "success", 30),
        ("withdrawal", "failed", 102),
        ("withdrawal", "failed", 101),
        ("deposit", "success", 100),
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(names(line(at)), ["id", "status", "transacted_at", "type", "amount", "reference_id"]);
        let seen = (&line(at)["type"], &line(at)["status"], &line(at)["amount"]);
        assert_eq!(seen, (&json!(kind), &json!(status), &json!(amount)));
        assert!(age_of(&line(at)["transacted_at"]) < chrono::TimeDelta::minutes(1));
    }
    assert_eq!(lines.len(), 4);
    // The list tells of a movement what its own answer told.
    for (at, told, moment) in [(0, &withdrawn, "withdrawn_at"), (3, &deposited, "deposited_at")] {
        let seen = (&line(at)["id"], &line(at)["transacted_at"], &line(at)["reference_id"]);
        assert_eq!(seen, (&told["id"], &told[moment], &told["reference_id"]));
    }
    assert_eq!((&line(1)["reference_id"], &line(2)["reference_id"]), (&json!(reference), &json!(reference)));
}

#[tokio::test]
async fn pages_do_not_move_while_new_entries_arrive() {
    let app = TestApp::start().await;
    let customer = Wire::to(&app.base).enabled().await;
    for amount in 1..=25 {
        assert_eq!(customer.deposit(amount).await.status, 201);
    }
    let (mut seen, mut path) = (Vec::new(), "/wallet/transactions?limit=10".to_owned());
    loop {
        let reply = customer.get(&path).await;
        seen.push(amounts(&lines(&reply)));
        let Some(cursor) = next(&reply) else { break };
        path = format!("/wallet/transactions?limit=10&after={cursor}");
        // What arrives now is newer than every page to come.
        assert_eq!(customer.deposit(1_000).await.status, 201);
        assert_eq!(amounts(&lines(&customer.get(&path).await)), amounts(&lines(&customer.get(&path).await)));
    }
    let down = |from: i64, to: i64| (to..=from).rev().collect::<Vec<_>>();
    assert_eq!(seen, [down(25, 16), down(15, 6), down(5, 1)]);
    let newest = lines(&customer.get("/wallet/transactions?limit=3").await);
    assert_eq!(amounts(&newest), [1_000, 1_000, 25]);
}

#[tokio::test]
async fn a_page_has_a_hundred_lines_unless_told_otherwise() {
    let app = TestApp::start_alone().await;
    let customer = Wire::to(&app.base).enabled().await;
    for chunk in 0..6 {
        let deposits = (0..20).map(|n| customer.deposit(chunk * 20 + n + 1));
        assert!(futures_util::future::join_all(deposits).await.iter().all(|reply| reply.status == 201));
    }
    let reply = customer.get("/wallet/transactions").await;
    assert_eq!(lines(&reply).len(), 100);
    let rest = customer.get(&format!("/wallet/transactions?after={}", next(&reply).expect("a cursor"))).await;
    assert_eq!((lines(&rest).len(), next(&rest)), (20, None));
    // A page that ends with the last line is the last page.
    let exact = customer.get("/wallet/transactions?limit=120").await;
    assert_eq!((lines(&exact).len(), next(&exact)), (120, None));
    let mut all = amounts(&lines(&exact));
    all.sort_unstable();
    assert!(all.into_iter().eq(1..=120), "each once");

    for (query, fields) in [
        ("limit=0", json!({"limit": ["Must be an integer from 1 to 1000."]})),
        ("limit=1001", json!({"limit": ["Must be an integer from 1 to 1000."]})),
        ("limit=%D9%A1", json!({"limit": ["Must be an integer from 1 to 1000."]})),
        ("limit=", json!({"limit": ["Must be an integer from 1 to 1000."]})),
        ("after=", json!({"after": ["Not a cursor of this list."]})),
        ("after=1", json!({"after": ["Not a cursor of this list."]})),
        ("after=v8000000000000000", json!({"after": ["Not a cursor of this list."]})),
        (
            "limit=x&after=x",
            json!({"limit": ["Must be an integer from 1 to 1000."], "after": ["Not a cursor of this list."]}),
        ),
    ] {
        let reply = customer.get(&format!("/wallet/transactions?{query}")).await;
        assert_eq!((reply.code(), reply.error()), ((400, "validation_failed".to_owned()), fields), "{query}");
    }
    // A cursor is a place in a list and opens no other one's.
    let other = Wire::to(&app.base).enabled().await;
    let cursor = next(&customer.get("/wallet/transactions?limit=1").await).expect("a cursor");
    assert_eq!(lines(&other.get(&format!("/wallet/transactions?after={cursor}")).await), Vec::<Value>::new());
}
