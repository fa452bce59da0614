//! Payouts over HTTP with a real bank beside them: requested, settled, returned, sent back, refused.

use serde_json::{Value, json};
use uuid::Uuid;
use wallet::simulated_bank::Mode;

use super::support::{
    app::TestApp,
    bank::{LONG, ORDINARY, agrees, app_with_bank, ends, pay_out, payout, payout_body},
    customer::Customer,
    wait::until,
};

async fn balances(customer: &Customer) -> Value {
    let wallet = customer.get("/wallet").await.body["data"]["wallet"].clone();
    json!([wallet["balance"], wallet["available_balance"], wallet["held"]])
}

/// The wallet's figures as soon as they are these: a read may lag.
async fn has(customer: &Customer, balance: i64, available: i64) {
    let wanted = json!([balance, available]);
    until(&format!("balances {wanted}"), LONG, async || {
        let found = balances(customer).await;
        (found[0] == wanted[0] && found[1] == wanted[1]).then_some(())
    })
    .await;
}

/// The type, status and amount of each line of the customer's list.
async fn lines(customer: &Customer) -> Vec<Value> {
    let listed = customer.get("/wallet/transactions").await;
    let all = listed.body["data"]["transactions"].as_array().expect("a list").clone();
    all.iter().map(|line| json!([line["type"], line["status"], line["amount"]])).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payout_is_held_at_once_and_paid_by_the_bank() {
    let (mut app, bank) = app_with_bank(&[]).await;
    let customer = app.customer().await;
    customer.deposit(1_000).await;
    bank.set_mode(Mode::Down).await;
    let body = payout_body(600, "DE89 3704 0044 0532 0130 00");
    let requested = customer.keyed("/wallet/payouts", "p", &body).await;
    assert_eq!(requested.status, 202, "{requested:?}");
    let payout = &requested.body["data"]["payout"];
    assert_eq!(
        (&payout["status"], &payout["balance"], &payout["available_balance"], &payout["account_last4"]),
        (&json!("pending"), &json!(1_000), &json!(400), &json!("3000"))
    );
    let id: Uuid = payout["id"].as_str().unwrap().parse().unwrap();
    assert_eq!(customer.withdraw(401).await.code(), "insufficient_funds");
    assert_eq!(customer.post("/wallet/payouts", body.clone()).await.code(), "duplicate_reference");
    bank.set_mode(Mode::Up).await;
    let paid = ends(&customer, id, "success").await;
    assert!(paid["ended_at"].is_string() && paid["failure_code"].is_null() && paid["reversal_id"].is_null());
    has(&customer, 400, 400).await;
    // A replay says what the first answer said.
    let again = customer.keyed("/wallet/payouts", "p", &body).await;
    assert_eq!((again.status, again.replayed, &again.body), (202, true, &requested.body));
    assert_eq!(lines(&customer).await[1], json!(["payout", "success", 600]));
    let listed = customer.get("/wallet/payouts").await;
    assert_eq!(listed.body["data"]["payouts"], json!([paid]));
    let view = customer.get(&format!("/wallet/transactions/{id}")).await.body["data"]["transaction"].clone();
    let steps: Vec<&Value> = view["entries"].as_array().unwrap().iter().map(|entry| &entry["step"]).collect();
    assert_eq!(steps, ["held", "settled"], "{view}");
    assert_eq!(bank.entries().len(), 1);
    agrees(&bank, &app.db).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn money_that_the_bank_refuses_is_back_with_the_reason() {
    let (mut app, bank) = app_with_bank(&[]).await;
    let customer = app.customer().await;
    customer.deposit(1_000).await;
    let endings = [
        ("9011", "account_not_found"),
        ("9012", "account_closed"),
        ("9013", "account_blocked"),
        ("9014", "name_mismatch"),
        ("9015", "bank_rejected"),
        ("9002", "account_closed"),
    ];
    for (ending, code) in endings {
        let id = pay_out(&customer, 100, &format!("053201{ending}")).await;
        let failed = ends(&customer, id, "failed").await;
        assert_eq!(failed["failure_code"], code, "{failed}");
    }
    has(&customer, 1_000, 1_000).await;
    assert_eq!(lines(&customer).await[0], json!(["payout", "failed", 100]));
    agrees(&bank, &app.db).await;
    app.stop().await;
}

/// A bank that stalls, loses its answer, answers twice, fails first or forgets pays each payout once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bank_that_forgets_and_answers_twice_pays_once() {
    let (mut app, bank) = app_with_bank(&[]).await;
    let customer = app.customer().await;
    customer.deposit(1_000).await;
    let mut all = Vec::new();
    for ending in ["9001", "9021", "9022", "9023", "9024", "9025"] {
        all.push(pay_out(&customer, 100, &format!("053201{ending}")).await);
    }
    for id in all {
        ends(&customer, id, "success").await;
    }
    has(&customer, 400, 400).await;
    agrees(&bank, &app.db).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payout_that_the_bank_sends_back_is_reversed() {
    let (mut app, bank) = app_with_bank(&[]).await;
    let customer = app.customer().await;
    customer.deposit(1_000).await;
    let id = pay_out(&customer, 300, "0532019031").await;
    ends(&customer, id, "success").await;
    customer.disable().await;
    let reversed = async || {
        let found: Option<Uuid> =
            sqlx::query_scalar("select reversed_by from payouts where transaction_id = $1")
                .bind(id)
                .fetch_one(&mut app.db.connect().await)
                .await
                .expect("the payout");
        found
    };
    let reversal = until("the reversal", LONG, reversed).await;
    assert_eq!(customer.get(&format!("/wallet/payouts/{id}")).await.code(), "wallet_disabled");
    assert_eq!(customer.get("/wallet/payouts").await.code(), "wallet_disabled");
    customer.post("/wallet", json!({})).await;
    let found = payout(&customer, id).await;
    assert_eq!((&found["status"], &found["failure_code"]), (&json!("success"), &json!("account_closed")));
    assert_eq!(found["reversal_id"], reversal.to_string());
    has(&customer, 1_000, 1_000).await;
    assert_eq!(
        lines(&customer).await[..2],
        [json!(["reversal", "success", 300]), json!(["payout", "success", 300])]
    );
    agrees(&bank, &app.db).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_no_bank_would_take_is_refused_and_holds_nothing() {
    let (mut app, bank) = app_with_bank(&[]).await;
    let (customer, other) = (app.customer().await, app.customer().await);
    customer.deposit(1_000).await;
    let wrong = json!({
        "amount": 0, "reference_id": "x", "bank_code": "!", "account_number": "DE89370400440532013001", "account_name": " ",
    });
    let refused = customer.post("/wallet/payouts", wrong).await;
    assert_eq!(refused.status, 400, "{refused:?}");
    let fields = refused.body["data"]["error"].as_object().expect("fields").clone();
    let names: Vec<&str> = fields.keys().map(String::as_str).collect();
    assert_eq!(names, ["amount", "reference_id", "bank_code", "account_number", "account_name"]);
    assert_eq!(
        customer.post("/wallet/payouts", json!({})).await.body["data"]["error"].as_object().unwrap().len(),
        5
    );
    assert_eq!(
        customer.post("/wallet/payouts", payout_body(1_001, ORDINARY)).await.code(),
        "insufficient_funds"
    );
    let preview = customer.post("/wallet/payouts?dry_run=true", payout_body(600, ORDINARY)).await;
    assert_eq!((preview.status, &preview.body["data"]["payout"]["available_balance"]), (200, &json!(400)));
    assert!(preview.body["data"]["payout"]["id"].is_null());
    has(&customer, 1_000, 1_000).await;
    let id = pay_out(&customer, 100, ORDINARY).await;
    assert_eq!(other.get(&format!("/wallet/payouts/{id}")).await.code(), "not_found");
    assert_eq!(other.get("/wallet/payouts").await.body["data"]["payouts"], json!([]));
    ends(&customer, id, "success").await;
    assert_eq!(bank.entries().len(), 1);
    agrees(&bank, &app.db).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_many_waiting_payouts_and_a_missing_bank_are_answered_before_any_work() {
    let (mut app, bank) = app_with_bank(&[("PAYOUT_QUEUE_MAX", "2")]).await;
    let customer = app.customer().await;
    customer.deposit(1_000).await;
    bank.set_mode(Mode::Down).await;
    let mut held = 0;
    let full = async || {
        let answer = customer.post("/wallet/payouts", payout_body(10, ORDINARY)).await;
        held += i64::from(answer.status == 202);
        (answer.status == 503).then(|| answer.code().to_owned())
    };
    assert_eq!(until("a full queue", LONG, full).await, "overloaded");
    has(&customer, 1_000, 1_000 - 10 * held).await;
    bank.set_mode(Mode::Up).await;
    has(&customer, 1_000 - 10 * held, 1_000 - 10 * held).await;
    agrees(&bank, &app.db).await;
    app.stop().await;

    let mut app = TestApp::start_alone().await;
    let customer = app.customer().await;
    customer.deposit(1_000).await;
    let refused = customer.post("/wallet/payouts", payout_body(10, ORDINARY)).await;
    assert_eq!((refused.status, refused.code()), (503, "unavailable"));
    assert_eq!(balances(&customer).await[1], 1_000);
    app.stop().await;
}

/// The first submission of a frozen wallet's payout waits; one that was submitted goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_wallet_sends_nothing_new() {
    let (mut app, bank) = app_with_bank(&[]).await;
    let customer = app.customer().await;
    customer.deposit(1_000).await;
    let submitted = pay_out(&customer, 100, "0532019001").await;
    until("the first one is at the bank", LONG, async || (bank.entries().len() == 1).then_some(())).await;
    bank.set_mode(Mode::Down).await;
    let waiting = pay_out(&customer, 200, ORDINARY).await;
    let unsent = "select count(*) from payout_attempts where failures > 0 and submissions = 0";
    until("an attempt that was surely not sent", LONG, async || {
        (app.db.number(unsent).await == 1).then_some(())
    })
    .await;
    let frozen = ["freeze", &customer.wallet.to_string(), "--actor", "ada", "--reason", "a test"];
    let (status, printed) = super::support::process::run(&app.settings, &frozen);
    assert_eq!(status, Some(0), "{printed}");
    bank.set_mode(Mode::Up).await;
    app.db.run("update payout_attempts set next_attempt_at = now()").await;
    ends(&customer, submitted, "success").await;
    assert_eq!(payout(&customer, waiting).await["status"], "pending");
    assert_eq!(bank.entries().len(), 1, "nothing new was sent");
    let thawed = ["unfreeze", &customer.wallet.to_string(), "--actor", "ada", "--reason", "a test"];
    assert_eq!(super::support::process::run(&app.settings, &thawed).0, Some(0));
    app.db.run("update payout_attempts set next_attempt_at = now() where not is_done").await;
    ends(&customer, waiting, "success").await;
    agrees(&bank, &app.db).await;
    app.stop().await;
}
