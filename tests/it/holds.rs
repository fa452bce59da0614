//! Holds over HTTP and by the loop: placed, captured, voided, expired. A hold ends once, also when several attempts come at once.

use std::{sync::Arc, time::Duration};

use chrono::{TimeDelta, Utc};
use futures_util::future::join_all;
use serde_json::{Value, json};
use uuid::Uuid;
use wallet::{
    kernel::ids::{OperationId, ReferenceId, WalletId},
    ledger::{Action, Capture, PlaceHold, Refusal, audit::audit, posting::PostingLoop},
};

use super::support::{
    app::TestApp,
    customer::{Answer, Customer},
    database::TestDatabase,
    operations::{Expecting, NotPosted, amount, deposit, operation, reference, settings, withdraw},
    tokens::shop,
    wait::until,
};

fn hold_body(wallet: Uuid, amount: i64) -> Value {
    json!({"wallet": wallet, "amount": amount, "reference_id": Uuid::new_v4(), "note": "Order 17"})
}

fn capture_body(amount: Option<i64>, to: Option<Uuid>) -> Value {
    let mut body = json!({"reference_id": Uuid::new_v4()});
    if let Some(amount) = amount {
        body["amount"] = json!(amount);
    }
    if let Some(to) = to {
        body["to"] = json!(to);
    }
    body
}

fn id(placed: &Answer) -> String {
    placed.body["data"]["hold"]["id"].as_str().unwrap_or_else(|| panic!("{placed:?}")).to_owned()
}

/// The type, status and amount of each line of the customer's list.
async fn lines(customer: &Customer, filter: &str) -> Vec<Value> {
    let listed = customer.get(&format!("/wallet/transactions{filter}")).await;
    let all = listed.body["data"]["transactions"].as_array().expect("a list").clone();
    all.iter().map(|line| json!([line["type"], line["status"], line["amount"]])).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hold_is_placed_captured_in_part_to_a_wallet_and_everybody_sees_his_side() {
    let mut app = TestApp::start().await;
    let (customer, merchant) = (app.customer().await, app.customer().await);
    let shop = shop(&app.settings, &customer);
    customer.deposit(1_000).await;
    let body = hold_body(customer.wallet, 600);
    let placed = shop.keyed("/holds", "h", &body).await;
    assert_eq!(placed.status, 201, "{placed:?}");
    let hold = &placed.body["data"]["hold"];
    assert_eq!(
        (&hold["step"], &hold["balance"], &hold["available_balance"]),
        (&json!("held"), &json!(1_000), &json!(400))
    );
    let again = shop.keyed("/holds", "h", &body).await;
    assert_eq!((again.replayed, &again.body), (true, &placed.body));
    assert_eq!(shop.post("/holds", body).await.code(), "duplicate_reference");
    assert_eq!(customer.withdraw(401).await.code(), "insufficient_funds");
    let open = customer.get("/wallet/holds").await.body["data"]["holds"].clone();
    assert_eq!((&open[0]["amount"], &open[0]["note"]), (&json!(600), &json!("Order 17")));
    assert_eq!(lines(&customer, "?status=pending").await, [json!(["hold", "pending", 600])]);

    let path = format!("/holds/{}", id(&placed));
    let capture = capture_body(Some(500), Some(merchant.wallet));
    let dry = shop.post(&format!("{path}/capture?dry_run=true"), capture.clone()).await;
    assert_eq!((dry.status, &dry.body["data"]["capture"]["fee"]), (200, &json!(8)), "{dry:?}");
    let captured = shop.keyed(&format!("{path}/capture"), "c", &capture).await;
    assert_eq!(captured.status, 200, "{captured:?}");
    let shown = &captured.body["data"]["capture"];
    assert_eq!((&shown["amount"], &shown["fee"], &shown["balance"]), (&json!(500), &json!(8), &json!(492)));
    let again = shop.keyed(&format!("{path}/capture"), "c", &capture).await;
    assert_eq!((again.replayed, &again.body), (true, &captured.body));
    for late in [
        shop.post(&format!("{path}/capture"), capture_body(None, None)).await,
        shop.post(&format!("{path}/void"), json!({})).await,
    ] {
        assert_eq!((late.status, late.code()), (400, "hold_captured"), "{late:?}");
    }
    let found = shop.get(&path).await.body["data"]["hold"].clone();
    let seen = [&found["step"], &found["amount"], &found["captured_amount"], &found["captured_to"]];
    assert_eq!(seen, [&json!("captured"), &json!(600), &json!(500), &json!(merchant.wallet)]);

    assert_eq!(
        lines(&customer, "").await,
        [
            json!(["withdrawal", "failed", 401]),
            json!(["hold", "success", 600]),
            json!(["deposit", "success", 1_000])
        ]
    );
    assert_eq!(lines(&merchant, "?type=transfer_in").await, [json!(["transfer_in", "success", 500])]);
    let theirs =
        merchant.get(&format!("/wallet/transactions/{}", id(&placed))).await.body["data"]["transaction"]
            .clone();
    let seen =
        [&theirs["fee"], &theirs["reference_id"], &theirs["counterparty"]["wallet_id"], &theirs["note"]];
    assert_eq!(seen, [&json!(0), &Value::Null, &json!(customer.wallet), &json!("Order 17")]);
    let own =
        customer.get(&format!("/wallet/transactions/{}", id(&placed))).await.body["data"]["transaction"]
            .clone();
    let steps: Vec<_> =
        own["entries"].as_array().unwrap().iter().map(|entry| entry["step"].clone()).collect();
    assert_eq!((steps, &own["fee"]), (vec![json!("held"), json!("captured")], &json!(8)));
    let top = customer.get("/wallet/top-transfers").await.body["data"].clone();
    assert_eq!(top["outgoing"][0]["amount"], json!(500), "{top}");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hold_is_voided_or_expires_and_its_money_can_be_spent_again() {
    let mut app = TestApp::start().await;
    let customer = app.customer().await;
    let shop = shop(&app.settings, &customer);
    customer.deposit(100).await;
    let placed = shop.post("/holds", hold_body(customer.wallet, 100)).await;
    let voided = shop.post(&format!("/holds/{}/void", id(&placed)), json!({})).await;
    assert_eq!(
        (voided.status, &voided.body["data"]["void"]["available_balance"]),
        (200, &json!(100)),
        "{voided:?}"
    );
    assert_eq!(shop.post(&format!("/holds/{}/void", id(&placed)), json!({})).await.code(), "hold_voided");

    let expires_at = (Utc::now() + TimeDelta::milliseconds(2_500)).to_rfc3339();
    let mut body = hold_body(customer.wallet, 100);
    body["expires_at"] = json!(expires_at);
    let placed = shop.post("/holds", body.clone()).await;
    assert_eq!(placed.status, 201, "{placed:?}");
    body["expires_at"] = json!((Utc::now() + TimeDelta::days(91)).to_rfc3339());
    body["reference_id"] = json!(Uuid::new_v4());
    assert!(shop.post("/holds", body).await.body["data"]["error"]["expires_at"].is_array());
    until("the hold has expired", Duration::from_secs(10), async || {
        let found = shop.get(&format!("/holds/{}", id(&placed))).await;
        (found.body["data"]["hold"]["step"] == "expired").then_some(())
    })
    .await;
    assert_eq!(
        shop.post(&format!("/holds/{}/capture", id(&placed)), capture_body(None, None)).await.code(),
        "hold_expired"
    );
    assert_eq!(
        lines(&customer, "?type=hold").await,
        [json!(["hold", "failed", 100]), json!(["hold", "failed", 100])]
    );
    assert_eq!(customer.withdraw(100).await.status, 201);
    app.stop().await;
}

#[tokio::test]
async fn holds_are_for_services_and_an_unknown_one_is_not_found() {
    let mut app = TestApp::start_alone().await;
    let customer = app.customer().await;
    let shop = shop(&app.settings, &customer);
    assert_eq!(customer.post("/holds", hold_body(customer.wallet, 1)).await.code(), "insufficient_scope");
    assert_eq!(shop.post("/holds", hold_body(Uuid::new_v4(), 1)).await.code(), "not_found");
    let nowhere = format!("/holds/{}", Uuid::new_v4());
    assert_eq!(shop.get(&nowhere).await.code(), "not_found");
    assert_eq!(shop.post(&format!("{nowhere}/void"), json!({})).await.code(), "not_found");
    assert_eq!(shop.post(&format!("{nowhere}/capture"), capture_body(None, None)).await.code(), "not_found");
    app.stop().await;
}

fn place(minor_units: i64, expires_in: TimeDelta) -> Action {
    let expires_at = Some(Utc::now() + expires_in);
    Action::Hold(PlaceHold { amount: amount(minor_units), reference: reference(), expires_at, note: None })
}

fn capture(hold: OperationId, minor_units: Option<i64>, to: Option<WalletId>) -> Action {
    let reference = ReferenceId(Uuid::new_v4());
    Action::Capture(Capture { hold, amount: minor_units.map(amount), to, fee_bps: 150, reference })
}

#[tokio::test]
async fn of_captures_voids_and_the_expiry_at_once_exactly_one_ends_the_hold() {
    let db = TestDatabase::create().await;
    let wallets = db.wallets(2).await;
    let loops = [0, 1].map(|_| PostingLoop::start(settings(&db.url), Arc::default()));
    loops[0].book(deposit(wallets[0], 10_000)).await.unwrap();
    for round in 0..20 {
        let (lasts, wait) = if round % 2 == 0 { (60_000, 5) } else { (500, 490) };
        let lasts = TimeDelta::milliseconds(lasts);
        let hold = loops[0].book(operation(wallets[0], place(100, lasts))).await.unwrap().id();
        tokio::time::sleep(Duration::from_millis(wait)).await;
        let ending = |n: usize| match n % 4 {
            0 => capture(hold, Some(40), Some(wallets[1])),
            1 => Action::Void { hold },
            2 => capture(hold, None, None),
            _ => Action::SettleDue { at_most: 500 },
        };
        let racing = (0..12).map(|n| loops[n % 2].book(operation(wallets[0], ending(n))));
        let ended = join_all(racing).await;
        let count = |wanted: fn(&Refusal) -> bool| {
            let refused = |end: &&Result<_, NotPosted>| matches!(end, Err(NotPosted::Refused { refusal, .. }) if wanted(refusal));
            ended.iter().filter(refused).count()
        };
        let refused = [
            count(|refusal| *refusal == Refusal::HoldCaptured),
            count(|refusal| *refusal == Refusal::HoldVoided),
            count(|refusal| *refusal == Refusal::HoldExpired),
        ];
        let total: usize = refused.iter().sum();
        assert!(
            total >= 8 && refused.iter().filter(|count| **count > 0).count() == 1,
            "{refused:?} {ended:?}"
        );
        let ends = format!("select count(*) from steps where transaction_id = '{hold}'");
        tokio::time::sleep(Duration::from_millis(30)).await;
        loops[0].book(operation(wallets[0], Action::SettleDue { at_most: 500 })).await.unwrap();
        assert_eq!(db.number(&ends).await, 1);
    }
    assert_eq!(db.number("select held::int8 from wallets order by id limit 1").await, 0);
    assert_eq!(audit(&db.url).await.unwrap(), []);
}

#[tokio::test]
async fn a_captures_reference_is_used_once_in_its_wallet_also_in_a_later_batch() {
    let db = TestDatabase::create().await;
    let wallet = db.wallets(1).await[0];
    let posting_loop = PostingLoop::start(settings(&db.url), Arc::default());
    posting_loop.book(deposit(wallet, 100)).await.unwrap();
    let mut holds = Vec::new();
    for _ in 0..2 {
        holds.push(posting_loop.book(operation(wallet, place(50, TimeDelta::days(1)))).await.unwrap().id());
    }
    let Action::Capture(first) = capture(holds[0], Some(10), None) else { panic!() };
    posting_loop.book(operation(wallet, Action::Capture(first))).await.unwrap();
    let other = Action::Capture(Capture { hold: holds[1], ..first });
    let refused = Refusal::DuplicateReference { transaction_id: holds[0] };
    let again = posting_loop.book(operation(wallet, other)).await;
    assert_eq!(again, Err(NotPosted::Refused { refusal: refused, replayed: false }));
    // 40 came back, 50 are held.
    let short = posting_loop.book(withdraw(wallet, 41)).await;
    let refusal = Refusal::InsufficientFunds { available: 40, required: 41 };
    assert_eq!(short, Err(NotPosted::Refused { refusal, replayed: false }));
}
