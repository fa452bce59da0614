//! Transfers and keys over HTTP: exact sums whoever pays whom at once, with one server process and with two.

use futures_util::future::join_all;
use serde_json::{Value, json};
use uuid::Uuid;

use super::support::{
    app::TestApp,
    customer::{Answer, Customer},
    database::TestDatabase,
    service::Service,
    tokens::shop,
};

/// The in-process bus and cache: what is tested is the ledger's.
const ALONE: [(&str, &str); 2] = [("KAFKA_BROKERS", ""), ("REDIS_URL", "")];

macro_rules! with_one_server_and_with_two {
    ($($rule:ident),+ $(,)?) => {
        mod with_one_server {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $rule() {
                super::$rule(super::Service::of(1, &super::ALONE).await).await;
            })+
        }
        mod with_two_servers {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $rule() {
                super::$rule(super::Service::of(2, &super::ALONE).await).await;
            })+
        }
    };
}

with_one_server_and_with_two!(
    eight_senders_pay_one_receiver_and_every_cent_is_there,
    eight_transfers_at_once_succeed_as_far_as_the_money_goes,
    ten_transfers_one_after_another_cost_what_they_should,
    transfers_in_opposite_directions_do_not_deadlock,
    the_same_key_twice_at_once_moves_money_once,
);

/// More than one statement looks up.
#[tokio::test]
async fn a_crowd_that_looks_for_recipients_is_answered_everybody_for_himself() {
    let db = TestDatabase::create().await;
    let wallets = db.wallets(3_000).await;
    let pool = wallet::db::connect_internal(&db.url).expect("a pool");
    let recipients = wallet::payments::Recipients::default();
    let found = wallets.iter().map(|wallet| recipients.find(&pool, wallets[0], wallet.0));
    let found = join_all(found).await.into_iter().map(|found| found.expect("an answer"));
    assert!(found.eq(wallets.iter().map(|wallet| Some(*wallet))));
    let nobody = recipients.find(&pool, wallets[0], Uuid::new_v4()).await;
    assert_eq!(nobody.expect("an answer"), None);
}

fn count(answers: &[Answer], status: u16, code: &str) -> usize {
    answers.iter().filter(|answer| answer.status == status && answer.code() == code).count()
}

/// The balance as the books have it now.
async fn balance(service: &Service, customer: &Customer) -> i64 {
    service.db.number(&format!("select available from wallets where id = '{}'", customer.wallet)).await
}

async fn fees(service: &Service) -> i64 {
    service.db.number("select coalesce(sum(credit), 0) from journal where account = 'system:fees'").await
}

async fn rich(service: &Service, amount: i64) -> Vec<Customer> {
    let customer = service.customer().await;
    assert_eq!(customer[0].deposit(amount).await.status, 201);
    customer
}

async fn eight_senders_pay_one_receiver_and_every_cent_is_there(service: Service) {
    let receiver = service.customer().await;
    let senders = join_all((0..8).map(|_| rich(&service, 1_000))).await;
    for round in 0..5 {
        let transfers = senders.iter().enumerate().map(|(n, sender)| {
            // By the xid as well as by the wallet's id.
            let to = if n % 2 == 0 { receiver[0].wallet } else { receiver[0].xid };
            sender[(n + round) % sender.len()].transfer(to, 20)
        });
        let answers = join_all(transfers).await;
        assert_eq!(count(&answers, 201, ""), 8, "{answers:?}");
    }
    assert_eq!(balance(&service, &receiver[0]).await, 8 * 5 * 20);
    for sender in &senders {
        // 1.5 % of 20 is 0.3: nothing.
        assert_eq!(balance(&service, &sender[0]).await, 1_000 - 5 * 20);
    }
    assert_eq!(fees(&service).await, 0);
    // Of 100 it is 1.5: two.
    let answers = join_all(senders.iter().map(|sender| sender[0].transfer(receiver[0].wallet, 100))).await;
    assert_eq!(count(&answers, 201, ""), 8, "{answers:?}");
    assert_eq!(balance(&service, &receiver[0]).await, 8 * (5 * 20 + 100));
    for sender in &senders {
        assert_eq!(balance(&service, &sender[0]).await, 1_000 - 5 * 20 - 102);
    }
    assert_eq!(fees(&service).await, 8 * 2);
}

async fn eight_transfers_at_once_succeed_as_far_as_the_money_goes(service: Service) {
    let (sender, receiver) = (rich(&service, 31_500).await, service.customer().await);
    let transfers = (0..8).map(|n| sender[n % sender.len()].transfer(receiver[0].wallet, 10_000));
    let answers = join_all(transfers).await;
    assert_eq!(count(&answers, 201, ""), 3, "{answers:?}");
    assert_eq!(count(&answers, 400, "insufficient_funds"), 5, "{answers:?}");
    assert_eq!(balance(&service, &sender[0]).await, 1_050);
    assert_eq!(balance(&service, &receiver[0]).await, 30_000);
    assert_eq!(fees(&service).await, 450);
}

async fn ten_transfers_one_after_another_cost_what_they_should(service: Service) {
    let (sender, receiver) = (rich(&service, 100_000).await, service.customer().await);
    for n in 0..10_i64 {
        let at = usize::try_from(n).expect("small") % sender.len();
        let answer = sender[at].transfer(receiver[0].wallet, 1_000).await;
        let transfer = &answer.body["data"]["transfer"];
        assert_eq!((answer.status, &transfer["fee"]), (201, &json!(15)), "{answer:?}");
        assert_eq!(transfer["balance"], json!(100_000 - 1_015 * (n + 1)));
    }
    assert_eq!(balance(&service, &sender[0]).await, 89_850);
    assert_eq!(balance(&service, &receiver[0]).await, 10_000);
}

async fn transfers_in_opposite_directions_do_not_deadlock(service: Service) {
    let (one, other) = (rich(&service, 1_000).await, rich(&service, 1_000).await);
    let client = async |n: usize| {
        let (from, to) = if n.is_multiple_of(2) { (&one, &other) } else { (&other, &one) };
        let mut answers = Vec::new();
        for _ in 0..10 {
            answers.push(from[n / 2 % from.len()].transfer(to[0].wallet, 1).await);
        }
        answers
    };
    let answers = join_all((0..16).map(client)).await.concat();
    assert_eq!(count(&answers, 201, ""), 160, "{answers:?}");
    assert_eq!((balance(&service, &one[0]).await, balance(&service, &other[0]).await), (1_000, 1_000));
}

async fn the_same_key_twice_at_once_moves_money_once(service: Service) {
    let (sender, receiver) = (rich(&service, 10_000).await, service.customer().await);
    let body = json!({"recipient": receiver[0].wallet, "amount": 1_000, "reference_id": Uuid::new_v4()});
    let asked = (0..20).map(|n| sender[n % sender.len()].keyed("/wallet/transfers", "once", &body));
    let answers = join_all(asked).await;
    assert_eq!(answers.iter().filter(|answer| !answer.replayed).count(), 1, "{answers:?}");
    for answer in &answers {
        assert_eq!(
            (answer.status, &answer.body, answer.version),
            (201, &answers[0].body, answers[0].version)
        );
    }
    let too_much = json!({"recipient": receiver[0].wallet, "amount": 10_000, "reference_id": Uuid::new_v4()});
    let refused = sender[0].keyed("/wallet/transfers", "too-much", &too_much).await;
    assert_eq!((refused.status, refused.code()), (400, "insufficient_funds"));
    assert_eq!(receiver[0].disable().await.status, 200);
    let again = sender[sender.len() - 1].keyed("/wallet/transfers", "once", &body).await;
    assert_eq!((again.status, &again.body, again.replayed), (201, &answers[0].body, true));
    assert_eq!(balance(&service, &sender[0]).await, 8_985);
    assert_eq!(fees(&service).await, 15);
}

/// The lines of a wallet's list: type, amount, reference.
fn lines(answer: &Answer) -> Vec<(Value, Value, Value)> {
    let lines = answer.body["data"]["transactions"].as_array().expect("a list");
    lines
        .iter()
        .map(|line| (line["type"].clone(), line["amount"].clone(), line["reference_id"].clone()))
        .collect()
}

#[tokio::test]
async fn each_side_of_a_transfer_sees_its_own_and_a_stranger_nothing() {
    let app = TestApp::start_alone().await;
    let (sender, receiver, stranger) = (app.customer().await, app.customer().await, app.customer().await);
    assert_eq!(sender.deposit(10_000).await.status, 201);
    let reference = Uuid::new_v4();
    let body =
        json!({"recipient": receiver.xid, "amount": 1_000, "reference_id": reference, "note": "Lunch"});
    let sent = sender.post("/wallet/transfers", body).await;
    assert_eq!(sent.status, 201, "{sent:?}");
    let transfer = &sent.body["data"]["transfer"];
    assert_eq!((&transfer["to"], &transfer["from"]), (&json!(receiver.xid), &json!(sender.wallet)));
    let path = format!("/wallet/transactions/{}", transfer["id"].as_str().expect("an id"));

    let seen = sender.get(&path).await.body["data"]["transaction"].clone();
    let expected = json!({
        "id": transfer["id"], "status": "success", "transacted_at": transfer["transferred_at"], "type": "transfer_out",
        "amount": 1_000, "fee": 15, "currency": "USD", "reference_id": reference, "note": "Lunch",
        "counterparty": {"wallet_id": receiver.wallet}, "balance_after": 8_985,
        "entries": [{"version": 2, "step": "booked", "occurred_at": transfer["transferred_at"], "change": -1_015, "balance_after": 8_985, "available_balance_after": 8_985}],
    });
    assert_eq!(seen, expected);
    let seen = receiver.get(&path).await.body["data"]["transaction"].clone();
    let expected = json!({
        "id": transfer["id"], "status": "success", "transacted_at": transfer["transferred_at"], "type": "transfer_in",
        "amount": 1_000, "fee": 0, "currency": "USD", "reference_id": null, "note": "Lunch",
        "counterparty": {"wallet_id": sender.wallet}, "balance_after": 1_000,
        "entries": [{"version": 1, "step": "booked", "occurred_at": transfer["transferred_at"], "change": 1_000, "balance_after": 1_000, "available_balance_after": 1_000}],
    });
    assert_eq!(seen, expected);
    for (who, id) in [
        (&stranger, path.as_str()),
        (&sender, "/wallet/transactions/x"),
        (&sender, "/wallet/transactions/00000000-0000-0000-0000-000000000001"),
    ] {
        let answer = who.get(id).await;
        assert_eq!((answer.status, answer.code()), (404, "not_found"), "{id}");
    }
    let into = lines(&receiver.get("/wallet/transactions?type=transfer_in").await);
    assert_eq!(into, [(json!("transfer_in"), json!(1_000), Value::Null)]);
    assert_eq!(lines(&receiver.get("/wallet/transactions?type=transfer_out").await), []);
}

#[tokio::test]
async fn a_back_end_opens_wallets_and_moves_money_with_the_token_of_the_command() {
    let app = TestApp::start_alone().await;
    let (sender, receiver) = (app.customer().await, app.customer().await);
    let shop = shop(&app.settings, &sender);
    assert_eq!(sender.deposit(2_000).await.status, 201);

    let opened = shop.post("/wallets", json!({"customer_xid": sender.xid})).await;
    assert_eq!((opened.status, &opened.body["data"]["wallet"]["id"]), (201, &json!(sender.wallet)));
    let euro = shop.post("/wallets", json!({"customer_xid": sender.xid, "currency": "EUR"})).await;
    let euro = euro.body["data"]["wallet"]["id"].as_str().expect("an id").to_owned();
    assert_ne!(euro, sender.wallet.to_string());
    let read = shop.get(&format!("/wallets/{euro}")).await;
    assert_eq!((read.status, &read.body["data"]["wallet"]["currency"]), (200, &json!("EUR")));

    let body =
        json!({"from": sender.wallet, "to": receiver.xid, "amount": 1_000, "reference_id": Uuid::new_v4()});
    let moved = shop.keyed("/transfers", "k", &body).await;
    let again = shop.keyed("/transfers", "k", &body).await;
    assert_eq!((moved.status, moved.body["data"]["transfer"]["balance"].as_i64()), (201, Some(985)));
    assert_eq!((again.status, &again.body, again.replayed), (201, &moved.body, true));
    assert_eq!(receiver.balance(1).await, 1_000);
    // An xid stands for the wallet in the sender's currency.
    let back = receiver.transfer(sender.xid, 100).await;
    assert_eq!((back.status, sender.balance(3).await), (201, 1_085), "{back:?}");
    assert_eq!(receiver.transfer(euro.parse().expect("an id"), 1).await.code(), "recipient_unavailable");

    for (method, body) in [("/transfers", body), ("/wallets", json!({"customer_xid": sender.xid}))] {
        assert_eq!(sender.post(method, body).await.code(), "insufficient_scope");
    }
    assert_eq!(shop.deposit(1).await.code(), "insufficient_scope");
    assert_eq!(shop.get("/wallet").await.code(), "insufficient_scope");
}

/// Where a UUID is both, the wallet's id wins: xids are chosen by callers.
#[tokio::test]
async fn nobody_gets_anothers_money_by_taking_its_wallets_id_for_an_xid() {
    let app = TestApp::start_alone().await;
    let (sender, receiver) = (app.customer().await, app.customer().await);
    assert_eq!(sender.deposit(100).await.status, 201);
    let thief = Customer::init(&app.base, receiver.wallet).await;
    assert_eq!(thief.post("/wallet", json!({})).await.status, 201);
    for _ in 0..2 {
        assert_eq!(sender.transfer(receiver.wallet, 10).await.status, 201);
    }
    assert_eq!((receiver.balance(2).await, thief.balance(0).await), (20, 0));
}

#[tokio::test]
async fn a_dry_run_stores_nothing_and_says_what_the_real_one_says() {
    let app = TestApp::start_alone().await;
    let (sender, receiver) = (app.customer().await, app.customer().await);
    assert_eq!(sender.deposit(10_000).await.status, 201);
    let before = crate::contract::books::books(&app.db).await;
    let reference = Uuid::new_v4();
    let body = json!({"recipient": receiver.xid, "amount": 5_000, "reference_id": reference});
    let dry = sender.keyed("/wallet/transfers?dry_run=true", "k", &body).await;
    let short = json!({"recipient": receiver.xid, "amount": 9_900, "reference_id": reference});
    let refused = sender.keyed("/wallet/transfers?dry_run=true", "k", &short).await;
    assert_eq!((refused.status, refused.code()), (400, "insufficient_funds"));
    assert_eq!((dry.status, dry.version), (200, Some(1)), "{dry:?}");
    assert_eq!(crate::contract::books::books(&app.db).await, before);
    assert_eq!(app.db.number("select count(*) from keys").await, 0);
    let real = sender.keyed("/wallet/transfers", "k", &body).await;
    for name in
        ["from", "to", "amount", "fee", "note", "reference_id", "balance", "available_balance", "currency"]
    {
        let of = |answer: &Answer| answer.body["data"]["transfer"][name].clone();
        assert_eq!(of(&dry), of(&real), "{name}");
    }
    let known = sender.post("/wallet/transfers?dry_run=true", body).await;
    assert_eq!((known.status, known.code()), (400, "duplicate_reference"));
}
