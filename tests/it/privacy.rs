//! What a sender can find out about another's wallet by asking: nothing but whether it takes money.

use std::time::Duration;

use serde_json::{Value, json};
use uuid::Uuid;

use super::support::{
    app::TestApp,
    customer::{Answer, Customer},
    wait::until,
};

/// The highest balance with which a wallet receives money, and the lowest amount that none receives.
const LIMIT: i64 = 1 << 52;
const MAX: i64 = (1 << 53) - 1;
const SECRET: i64 = 1_234_567;

async fn with_balance(app: &TestApp, balance: i64) -> Customer {
    let customer = app.customer().await;
    if balance > 0 {
        assert_eq!(customer.deposit(balance).await.status, 201);
    }
    customer
}

async fn send(sender: &Customer, path: &str, recipient: Uuid, amount: i64) -> Answer {
    let body = json!({"recipient": recipient, "amount": amount, "reference_id": Uuid::from_u128(7)});
    sender.post(path, body).await
}

/// Status and body, without what differs by what was asked and when.
fn seen(answer: &Answer) -> (u16, Value) {
    let mut body = answer.body.clone();
    if let Some(transfer) = body["data"]["transfer"].as_object_mut() {
        ["id", "to", "transferred_at"].iter().for_each(|name| drop(transfer.remove(*name)));
    }
    (answer.status, body)
}

/// The amounts that a binary search for the receiver's balance asks for, and what it hears: each step goes up if the
/// recipient still took the amount.
async fn search(sender: &Customer, path: &str, recipient: Uuid) -> Vec<(i64, (u16, Value))> {
    let (mut low, mut high) = (1, MAX);
    let mut heard = Vec::new();
    while low < high {
        let amount = low + (high - low) / 2;
        let answer = send(sender, path, recipient, amount).await;
        if answer.code() == "recipient_unavailable" {
            high = amount;
        } else {
            low = amount + 1;
        }
        heard.push((amount, seen(&answer)));
    }
    heard
}

#[tokio::test]
async fn a_binary_search_for_a_balance_hears_the_same_of_every_wallet() {
    let app = TestApp::start_alone().await;
    let (empty, rich) = (with_balance(&app, 0).await, with_balance(&app, MAX).await);
    let receivers =
        [with_balance(&app, 0).await, with_balance(&app, SECRET).await, with_balance(&app, LIMIT).await];
    let (booked, rehearsed) = ("/wallet/transfers", "/wallet/transfers?dry_run=true");
    for (sender, path) in [(&empty, booked), (&empty, rehearsed), (&rich, rehearsed)] {
        let first = search(sender, path, receivers[0].wallet).await;
        assert!(first.len() > 50, "{first:?}");
        for receiver in &receivers[1..] {
            for name in [receiver.wallet, receiver.xid] {
                assert_eq!(search(sender, path, name).await, first);
            }
        }
    }
    // From an empty wallet, those who are not there or take nothing look no different.
    let (full, disabled) = (with_balance(&app, LIMIT + 1).await, with_balance(&app, SECRET).await);
    assert_eq!(disabled.disable().await.status, 200);
    let first = search(&empty, booked, receivers[0].wallet).await;
    for other in [full.wallet, disabled.wallet, Uuid::new_v4()] {
        assert_eq!(search(&empty, booked, other).await, first);
    }
    // Nobody takes more, whatever it has.
    for receiver in
        [receivers[0].wallet, receivers[1].wallet, receivers[2].wallet, full.wallet, Uuid::new_v4()]
    {
        let answer = send(&rich, booked, receiver, LIMIT).await;
        assert_eq!((answer.status, answer.code()), (404, "recipient_unavailable"));
    }
    assert_eq!(send(&rich, booked, receivers[2].wallet, LIMIT - 1).await.status, 201);
    assert_eq!(receivers[2].balance(2).await, MAX);
}

/// Without the column by which recipients are looked up, a transfer that needs a look-up fails by it.
#[tokio::test]
async fn a_refused_transfer_looks_its_recipient_up_whether_it_is_known_or_not() {
    let app = TestApp::start_alone().await;
    let (sender, poor) = (with_balance(&app, 100).await, with_balance(&app, 0).await);
    let (open, disabled) = (with_balance(&app, 0).await, with_balance(&app, 0).await);
    for receiver in [&open, &disabled] {
        for name in [receiver.wallet, receiver.xid] {
            assert_eq!(sender.transfer(name, 1).await.status, 201);
        }
    }
    assert_eq!(disabled.disable().await.status, 200);
    app.db.run("alter table wallets rename column owner_xid to hidden").await;
    // The look-ups of the transfers above are remembered for a second.
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    for (sender, recipient) in [
        (&sender, Uuid::new_v4()),
        (&sender, disabled.wallet),
        (&sender, disabled.xid),
        (&poor, Uuid::new_v4()),
        (&poor, open.wallet),
        (&poor, disabled.wallet),
    ] {
        let answer = sender.transfer(recipient, 1).await;
        assert_eq!((answer.status, answer.code()), (503, "unavailable"), "{recipient}");
    }
    // What is booked needs none.
    for name in [open.wallet, open.xid] {
        assert_eq!(sender.transfer(name, 1).await.status, 201);
    }
    app.db.run("alter table wallets rename column hidden to owner_xid").await;
}

#[tokio::test]
async fn a_newcomer_can_be_paid_soon_after_nobody_was_found() {
    let app = TestApp::start_alone().await;
    let sender = with_balance(&app, 100).await;
    let xid = Uuid::new_v4();
    for _ in 0..2 {
        assert_eq!(sender.transfer(xid, 1).await.code(), "recipient_unavailable");
    }
    let newcomer = Customer::init(&app.base, xid).await;
    assert_eq!(newcomer.post("/wallet", json!({})).await.status, 201);
    let paid = until("the newcomer is paid", Duration::from_secs(5), async || {
        let answer = sender.transfer(xid, 1).await;
        (answer.status == 201).then_some(answer)
    })
    .await;
    assert_eq!(paid.body["data"]["transfer"]["balance"], json!(99));
}
