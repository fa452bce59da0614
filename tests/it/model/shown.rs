//! What the service shows in the end, held to the books.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{books::History, operation::Kind, waiting::Item};
use crate::support::customer::Customer;

/// Each hold as it has ended, and each wallet that is enabled with its payouts and what waits there. Nothing moves any more.
pub async fn shown(history: &History, shop: &Customer, everybody: &[Customer]) {
    for (hold, item) in history.waiting.all().filter(|(_, item)| item.kind == Kind::Hold) {
        let shown = shop.get(&format!("/holds/{hold}")).await.body["data"]["hold"].clone();
        let end = item.end.map(|(step, _)| &history.steps[step]);
        let step = match end.map(|end| end.operation.kind) {
            None => "held",
            Some(Kind::Capture) => "captured",
            Some(Kind::Void) => "voided",
            Some(_) => "expired",
        };
        let capture = end.filter(|end| end.operation.kind == Kind::Capture);
        let captured = capture.map(|end| (end.operation.amount, end.fee, end.operation.to));
        let (amount, fee, to) =
            captured.map_or((None, None, None), |(amount, fee, to)| (amount, Some(fee), to));
        let names = ["wallet", "amount", "step", "captured_amount", "fee", "captured_to"];
        assert_eq!(
            json!(names.map(|name| &shown[name])),
            json!([item.wallet, item.amount, step, amount, fee, to]),
            "{hold}"
        );
    }
    let end = history.states.last().expect("a state");
    for customer in everybody {
        let wallet = &end[&customer.wallet];
        if !wallet.enabled {
            continue;
        }
        let money = &wallet.money;
        let shown = customer.wallet_at(wallet.version).await;
        assert_eq!(
            json!([shown["version"], shown["balance"], shown["available_balance"], shown["unreleased"]]),
            json!([wallet.version, money.balance(), money.available, money.unreleased]),
            "{shown}"
        );
        payouts(history, customer).await;
        for (list, kind) in [("holds", Kind::Hold), ("releases", Kind::Deposit)] {
            let listed = customer.get(&format!("/wallet/{list}?limit=100")).await.body["data"].clone();
            assert_eq!(listed["page"]["next"], Value::Null, "more than a page waits");
            let of = |item: &Value| {
                (item["transaction_id"].as_str().unwrap().parse().unwrap(), item["amount"].as_i64())
            };
            let mut listed: Vec<(Uuid, Option<i64>)> =
                listed[list].as_array().unwrap().iter().map(of).collect();
            let open = history.waiting.all().filter(|(_, item)| {
                item.kind == kind && item.wallet == customer.wallet && item.end.is_none()
            });
            let mut open: Vec<_> =
                open.map(|(transaction, item)| (*transaction, Some(item.amount))).collect();
            listed.sort();
            open.sort();
            assert_eq!(listed, open, "{list} of {}", customer.wallet);
        }
    }
}

/// Each payout of the wallet as it has ended.
async fn payouts(history: &History, customer: &Customer) {
    let listed = customer.get("/wallet/payouts?limit=100").await.body["data"].clone();
    assert_eq!(listed["page"]["next"], Value::Null, "more than a page");
    let mut shown = 0;
    for payout in listed["payouts"].as_array().unwrap() {
        let id: Uuid = payout["id"].as_str().unwrap().parse().unwrap();
        let item = history.waiting.find(id, usize::MAX).expect("a payout");
        let status = match item.end.map(|(_, kind)| kind) {
            Some(Kind::PayoutSettled) => "success",
            Some(_) => "failed",
            None => "pending",
        };
        let reversal = item.reversal.map(|step| history.steps[step].id);
        assert_eq!(
            json!([payout["amount"], payout["status"], payout["reversal_id"]]),
            json!([item.amount, status, reversal]),
            "{payout}"
        );
        assert_eq!(item.wallet, customer.wallet, "another's payout");
        shown += 1;
    }
    let of_the_wallet = |item: &&Item| item.kind == Kind::Payout && item.wallet == customer.wallet;
    assert_eq!(shown, history.waiting.all().map(|(_, item)| item).filter(of_the_wallet).count());
}
