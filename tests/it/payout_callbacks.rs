//! What the bank reports by itself: signed or not, early, twice, wrong. No report moves a cent wrongly, and each says so.

use reqwest::StatusCode;
use serde_json::{Value, json};
use standardwebhooks::Webhook;
use uuid::Uuid;
use wallet::simulated_bank::Mode;

use super::support::{
    app::TestApp,
    bank::{LONG, ORDINARY, SECRET, agrees, app_with_bank, ends, pay_out, payout},
    customer::{Answer, Customer},
    wait::until,
};

/// Sends a callback that was signed with this secret this number of seconds ago.
async fn send(app: &TestApp, body: &str, secret: &str, seconds_ago: i64) -> Answer {
    let at = chrono::Utc::now().timestamp() - seconds_ago;
    let signature = Webhook::new(secret).unwrap().sign("msg_1", at, body.as_bytes()).unwrap();
    let request = crate::support::client::builder()
        .build()
        .expect("a client")
        .post(format!("{}/api/v1/bank/callbacks", app.base))
        .header("content-type", "application/json")
        .header("webhook-id", "msg_1")
        .header("webhook-timestamp", at.to_string())
        .header("webhook-signature", signature);
    Answer::of(request.body(body.to_owned()).send().await.expect("an answer")).await
}

async fn report(app: &TestApp, id: Uuid, amount: i64, status: &str) -> Answer {
    let body = json!({"id": id, "amount": amount, "status": status, "reason": null}).to_string();
    send(app, &body, SECRET, 0).await
}

fn result(answer: &Answer) -> &Value {
    assert_eq!(answer.status, 200, "{answer:?}");
    &answer.body["data"]["callback"]["result"]
}

/// A payout that the bank has got, whose answer it never gives.
async fn at_the_bank(customer: &Customer, app: &TestApp) -> Uuid {
    let id = pay_out(customer, 100, "0532019021").await;
    let submitted =
        format!("select count(*) from payout_attempts where transaction_id = '{id}' and submissions > 0");
    until("the submission", LONG, async || (app.db.number(&submitted).await == 1).then_some(())).await;
    id
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_what_the_bank_has_signed_of_late_is_believed() {
    let (mut app, bank) = app_with_bank(&[]).await;
    let customer = app.customer().await;
    customer.deposit(1_000).await;
    let id = at_the_bank(&customer, &app).await;
    let body = json!({"id": id, "amount": 100, "status": "rejected", "reason": "account_closed"}).to_string();
    let other = "whsec_YW5vdGhlci1zZWNyZXQtdGhhbi10aGUtYmFua3Mtb3duISEhIQ==";
    for (secret, seconds_ago) in [(other, 0), (SECRET, 301), (SECRET, -330)] {
        let refused = send(&app, &body, secret, seconds_ago).await;
        assert_eq!((refused.status, refused.code()), (401, "unauthorized"), "{seconds_ago}");
    }
    // The right signature of other bytes.
    let at = chrono::Utc::now().timestamp();
    let signature = Webhook::new(SECRET).unwrap().sign("msg_1", at, body.as_bytes()).unwrap();
    let url = format!("{}/api/v1/bank/callbacks", app.base);
    for (name, content_type, status) in [
        ("webhook-signature", "application/json", StatusCode::UNAUTHORIZED),
        ("x-other", "application/json", StatusCode::UNAUTHORIZED),
        ("webhook-signature", "text/plain", StatusCode::UNSUPPORTED_MEDIA_TYPE),
    ] {
        let request = crate::support::client::builder()
            .build()
            .expect("a client")
            .post(&url)
            .header("content-type", content_type)
            .header("webhook-id", "msg_1");
        let request = request.header("webhook-timestamp", at.to_string()).header(name, &signature);
        assert_eq!(request.body(format!("{body} ")).send().await.unwrap().status(), status);
    }
    let unreadable = send(&app, "{}", SECRET, 0).await;
    assert_eq!((unreadable.status, unreadable.code()), (400, "malformed_body"));
    assert_eq!(payout(&customer, id).await["status"], "pending");
    ends(&customer, id, "success").await;
    agrees(&bank, &app.db).await;
    app.stop().await;
}

/// The callback comes before the answer to our own submission, and again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_before_the_answer_settles_once_and_again_does_nothing() {
    let (mut app, bank) = app_with_bank(&[]).await;
    let customer = app.customer().await;
    customer.deposit(1_000).await;
    let id = at_the_bank(&customer, &app).await;
    assert_eq!(result(&report(&app, id, 100, "pending").await), "open");
    assert_eq!(payout(&customer, id).await["status"], "pending");
    assert_eq!(result(&report(&app, id, 100, "settled").await), "booked");
    assert_eq!(payout(&customer, id).await["status"], "success");
    for _ in 0..2 {
        assert_eq!(result(&report(&app, id, 100, "settled").await), "booked");
    }
    assert_eq!(app.db.number("select count(*) from steps where kind = 13").await, 1);
    agrees(&bank, &app.db).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_that_cannot_be_right_moves_nothing_and_calls_an_operator() {
    let (mut app, bank) = app_with_bank(&[]).await;
    let customer = app.customer().await;
    customer.deposit(1_000).await;
    let unknown = report(&app, Uuid::now_v7(), 100, "settled").await;
    assert_eq!((unknown.status, unknown.code()), (404, "not_found"));
    // Another amount.
    let id = at_the_bank(&customer, &app).await;
    assert_eq!(result(&report(&app, id, 99, "settled").await), "needs_attention");
    assert_eq!(payout(&customer, id).await["status"], "pending");
    // What was never sent.
    bank.set_mode(Mode::Down).await;
    let unsent = pay_out(&customer, 50, ORDINARY).await;
    let waits = "select count(*) from payout_attempts where failures > 0 and submissions = 0";
    until("an attempt", LONG, async || (app.db.number(waits).await == 1).then_some(())).await;
    for status in ["settled", "rejected"] {
        assert_eq!(result(&report(&app, unsent, 50, status).await), "needs_attention");
    }
    assert_eq!(payout(&customer, unsent).await["status"], "pending");
    bank.set_mode(Mode::Up).await;
    // What contradicts a settlement.
    let settled = pay_out(&customer, 25, ORDINARY).await;
    ends(&customer, settled, "success").await;
    assert_eq!(result(&report(&app, settled, 25, "rejected").await), "needs_attention");
    assert_eq!(payout(&customer, settled).await["status"], "success");
    let wallet = customer.get("/wallet").await.body["data"]["wallet"].clone();
    assert_eq!((&wallet["balance"], &wallet["available_balance"]), (&json!(975), &json!(825)));
    let listed = super::support::process::run(&app.settings, &["payouts", "list", "--needs-attention"]);
    for id in [id, unsent, settled] {
        assert!(listed.1.contains(&id.to_string()), "{listed:?}");
    }
    for id in [id, unsent] {
        let retried = super::support::process::run(&app.settings, &["payouts", "retry", &id.to_string()]);
        assert_eq!(retried.0, Some(0), "{retried:?}");
        ends(&customer, id, "success").await;
    }
    agrees(&bank, &app.db).await;
    app.stop().await;
}
