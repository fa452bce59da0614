//! What the back office does to wallets: over HTTP and at the command line.

use serde_json::{Value, json};
use uuid::Uuid;

use super::support::{
    app::TestApp,
    customer::{Answer, Customer},
    process::run,
    tokens::{shop, token},
};

/// The one who has the token of `wallet token --scope admin`.
fn admin(app: &TestApp, of: &Customer) -> Customer {
    Customer { token: token(&app.settings, "admin", "ada"), ..of.clone() }
}

fn shown(answer: &Answer) -> Value {
    let wallet = &answer.body["data"]["wallet"];
    json!([answer.status, wallet["status"], wallet["frozen"], wallet["balance"]])
}

#[tokio::test]
async fn a_frozen_wallet_moves_no_money_until_it_is_unfrozen_and_keeps_its_status() {
    let app = TestApp::start().await;
    let (customer, other) = (app.customer().await, app.customer().await);
    assert_eq!(customer.deposit(100).await.status, 201);
    assert_eq!(other.deposit(100).await.status, 201);
    let ada = admin(&app, &customer);
    let path = |what: &str| format!("/admin/wallets/{}/{what}", customer.wallet);
    let why = json!({"reason": "Reported as stolen, case 4711"});

    let frozen = ada.keyed(&path("freeze"), "f", &why).await;
    assert_eq!(shown(&frozen), json!([200, "enabled", true, 100]), "{frozen:?}");
    let again = ada.keyed(&path("freeze"), "f", &why).await;
    assert_eq!((&again.body, again.replayed), (&frozen.body, true));
    assert_eq!(ada.post(&path("freeze"), why.clone()).await.code(), "already_frozen");
    for refused in
        [customer.deposit(1).await, customer.withdraw(1).await, customer.transfer(other.wallet, 1).await]
    {
        assert_eq!((refused.status, refused.code()), (403, "wallet_frozen"), "{refused:?}");
    }
    assert_eq!(other.transfer(customer.wallet, 1).await.code(), "recipient_unavailable");
    assert_eq!(customer.balance(1).await, 100, "its owner still sees it");

    // Frozen stands beside the status.
    assert_eq!(customer.disable().await.status, 200);
    let thawed = ada.post(&path("unfreeze"), why.clone()).await;
    assert_eq!(shown(&thawed), json!([200, "disabled", false, 100]), "{thawed:?}");
    assert_eq!(ada.post(&path("unfreeze"), why).await.code(), "not_frozen");
    assert_eq!(customer.post("/wallet", json!({})).await.status, 201);
    assert_eq!(customer.withdraw(100).await.status, 201);

    let acts = "select count(*) from status_changes where actor = 'admin:ada' and reason = 'Reported as stolen, case 4711'";
    assert_eq!(app.db.number(acts).await, 2);
}

#[tokio::test]
async fn only_the_back_office_freezes_and_never_without_a_reason() {
    let app = TestApp::start_alone().await;
    let customer = app.customer().await;
    let ada = admin(&app, &customer);
    let freeze = format!("/admin/wallets/{}/freeze", customer.wallet);
    let shop = shop(&app.settings, &customer);
    for stranger in [&customer, &shop] {
        let answer = stranger.post(&freeze, json!({"reason": "mine"})).await;
        assert_eq!((answer.status, answer.code()), (403, "insufficient_scope"), "{answer:?}");
    }
    for scope in ["/wallet", &format!("/wallets/{}", customer.wallet)] {
        assert_eq!(
            ada.get(scope).await.code(),
            "insufficient_scope",
            "an admin's token is for the back office alone"
        );
    }
    for body in [json!({}), json!({"reason": " "}), json!({"reason": "x".repeat(501)}), json!({"reason": 7})]
    {
        let answer = ada.post(&freeze, body).await;
        assert_eq!((answer.status, answer.code()), (400, "validation_failed"), "{answer:?}");
        assert!(answer.body["data"]["error"]["reason"].is_array(), "{answer:?}");
    }
    let unknown =
        ada.post(&format!("/admin/wallets/{}/freeze", Uuid::new_v4()), json!({"reason": "who"})).await;
    assert_eq!((unknown.status, unknown.code()), (404, "not_found"));
    assert_eq!(app.db.number("select count(*) from status_changes where frozen").await, 0);
    let (code, printed) = run(&app.settings, &["token", "--scope", "admin"]);
    assert_eq!(code, Some(1), "a person has a name: {printed}");
}

#[tokio::test]
async fn an_operator_freezes_at_the_command_line_what_a_service_serves() {
    let app = TestApp::start().await;
    let customer = app.customer().await;
    let wallet = customer.wallet.to_string();
    let act =
        |what: &str, reason: &str| run(&app.settings, &[what, &wallet, "--actor", "ada", "--reason", reason]);
    let (code, printed) = act("freeze", "case 4711");
    assert_eq!(code, Some(0), "{printed}");
    assert_eq!(customer.deposit(1).await.code(), "wallet_frozen");
    let (code, printed) = act("freeze", "case 4711");
    assert!(code == Some(1) && printed.contains("frozen already"), "{printed}");
    let (code, printed) = act("unfreeze", " ");
    assert!(code == Some(1) && printed.contains("a reason must be given"), "{printed}");
    let (code, printed) = act("unfreeze", "it was a mistake");
    assert_eq!(code, Some(0), "{printed}");
    assert_eq!(customer.deposit(1).await.status, 201);
    assert_eq!(app.db.number("select count(*) from status_changes where actor = 'operator:ada'").await, 2);
}

#[tokio::test]
async fn an_adjustment_corrects_the_balance_of_a_frozen_wallet_and_is_listed_and_proved() {
    let app = TestApp::start().await;
    let customer = app.customer().await;
    let ada = admin(&app, &customer);
    assert_eq!(customer.deposit(100).await.status, 201);
    let path = format!("/admin/wallets/{}/adjustments", customer.wallet);
    let why = json!({"reason": "case 4711"});
    assert_eq!(ada.post(&format!("/admin/wallets/{}/freeze", customer.wallet), why).await.status, 200);
    let body = |amount: i64, direction: &str| json!({"amount": amount, "direction": direction, "reference_id": Uuid::new_v4(), "reason": "case 4711"});

    let previewed = ada.post(&format!("{path}?dry_run=true"), body(30, "debit")).await;
    let adjustment = &previewed.body["data"]["adjustment"];
    assert_eq!(
        json!([previewed.status, adjustment["id"], adjustment["balance"], adjustment["version"]]),
        json!([200, null, 70, 1])
    );
    let debit = body(30, "debit");
    let first = ada.keyed(&path, "a", &debit).await;
    let adjustment = &first.body["data"]["adjustment"];
    assert_eq!(
        json!([first.status, adjustment["direction"], adjustment["amount"], adjustment["balance"]]),
        json!([201, "debit", 30, 70]),
        "{first:?}"
    );
    let again = ada.keyed(&path, "a", &debit).await;
    assert_eq!((&again.body, again.replayed), (&first.body, true));
    assert_eq!(ada.post(&path, debit).await.code(), "duplicate_reference");
    assert_eq!(ada.post(&path, body(71, "debit")).await.code(), "insufficient_funds");
    assert_eq!(ada.post(&path, body(5, "credit")).await.body["data"]["adjustment"]["balance"], 75);
    assert_eq!(ada.post(&path, body(5, "sideways")).await.code(), "validation_failed");
    assert_eq!(customer.post(&path, body(5, "credit")).await.code(), "insufficient_scope");

    assert_eq!(customer.balance(3).await, 75);
    let listed = customer.get("/wallet/transactions?type=adjustment").await;
    let amounts: Vec<_> = listed.body["data"]["transactions"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|line| (line["type"].clone(), line["status"].clone(), line["amount"].clone()))
        .collect();
    let line = |amount| (json!("adjustment"), json!("success"), json!(amount));
    assert_eq!(amounts, [line(5), line(30)]);
    let id = first.body["data"]["adjustment"]["id"].as_str().expect("an id");
    let one = customer.get(&format!("/wallet/transactions/{id}")).await;
    assert_eq!(one.body["data"]["transaction"]["entries"][0]["change"], -30, "{one:?}");
    let top = customer.get("/wallet/top-transfers").await;
    assert_eq!(top.body["data"]["outgoing"], json!([]), "a correction is no transfer");
    let notes = "select count(*) from adjustments where actor = 'admin:ada' and reason = 'case 4711'";
    assert_eq!(app.db.number(notes).await, 2);
    let legs = "select (sum(debit) - sum(credit))::int8 from journal where account = 'system:adjustments'";
    assert_eq!(app.db.number(legs).await, -25, "30 taken back, 5 given");
}
