//! The largest transfers: what is told of them, and that it is exact at every moment, however far the follower has come.

mod follower;

use std::{cmp::Reverse, time::Duration};

use serde_json::{Value, json};
use sqlx::Row;
use uuid::Uuid;
use wallet::{kernel::ids::WalletId, ledger::posting::PostingLoop};

use super::support::{
    app::TestApp,
    customer::{Answer, Customer},
    database::TestDatabase,
    operations::{Expecting, deposit, transfer, withdraw},
    wait::until,
};

const LIMIT: Duration = Duration::from_secs(20);

fn part<'a>(answer: &'a Answer, way: &str) -> &'a Vec<Value> {
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body["data"][way].as_array().unwrap_or_else(|| panic!("{answer:?}"))
}

fn told(answer: &Answer, way: &str) -> Vec<(String, i64)> {
    let line = |line: &Value| (line["type"].as_str().unwrap().to_owned(), line["amount"].as_i64().unwrap());
    part(answer, way).iter().map(line).collect()
}

/// The ids of the largest each way, out of all transactions of a wallet, and the wallet's version, of one moment.
async fn oracle(db: &TestDatabase, wallet: Uuid, limit: usize) -> (i64, Value) {
    let sql = "select w.version as head, t.id, t.kind, t.wallet_id = w.id as asked, t.amount,
                      case when t.wallet_id = w.id then t.version else t.other_version end as version
               from wallets w left join transactions t on (t.wallet_id = w.id or t.other_wallet_id = w.id) and t.status = 0
               where w.id = $1";
    let rows = sqlx::query(sql).bind(wallet).fetch_all(&mut db.connect().await).await.unwrap();
    let mut ways = [Vec::new(), Vec::new()];
    for row in rows.iter().filter(|row| row.get::<Option<Uuid>, _>("id").is_some()) {
        let is_outgoing = row.get::<bool, _>("asked") && row.get::<i16, _>("kind") != 1;
        let order: (i64, i64) = (row.get("amount"), row.get("version"));
        ways[usize::from(is_outgoing)].push((order, row.get::<Uuid, _>("id")));
    }
    let [incoming, outgoing] = ways.map(|mut way| {
        way.sort_by_key(|(order, _)| Reverse(*order));
        way.into_iter().take(limit).map(|(_, id)| id).collect::<Vec<_>>()
    });
    (rows[0].get("head"), json!({"incoming": incoming, "outgoing": outgoing}))
}

/// Holds what is told to the whole history; nothing moves meanwhile.
async fn is_exact(db: &TestDatabase, customer: &Customer, limit: usize) {
    let answer = customer.get(&format!("/wallet/top-transfers?limit={limit}")).await;
    let ids = |way| part(&answer, way).iter().map(|line| line["id"].clone()).collect::<Vec<_>>();
    let told = json!({"incoming": ids("incoming"), "outgoing": ids("outgoing")});
    let (head, expected) = oracle(db, customer.wallet, limit).await;
    assert_eq!((answer.version, told), (Some(head), expected));
}

/// Through which version the largest of this wallet are kept; 0 where they are not.
async fn through(db: &TestDatabase, wallet: Uuid) -> i64 {
    let sql =
        format!("coalesce((select through_version from top_transfers where wallet_id = '{wallet}'), 0)");
    db.number(&sql).await
}

async fn is_kept_through(db: &TestDatabase, wallet: Uuid, version: i64) {
    let what = format!("kept through {version}");
    until(&what, LIMIT, async || (through(db, wallet).await == version).then_some(())).await;
}

/// So many movements of this wallet with another, in a fixed disorder; few amounts, so that many are equal. A tenth of
/// them is refused.
async fn much(posting_loop: &PostingLoop, wallet: Uuid, other: WalletId, count: i64, seed: i64) {
    let wallet = WalletId(wallet);
    let asked = (0..count).map(|n| {
        let amount = 1 + (n * 7_919 + seed * 104_729) % 401;
        posting_loop.book(match (n + seed) % 10 {
            0..4 => deposit(wallet, amount),
            4..6 => withdraw(wallet, amount),
            6..8 => transfer(wallet, other, amount),
            8 => transfer(other, wallet, amount),
            _ => withdraw(wallet, 1_000_000_000),
        })
    });
    futures_util::future::join_all(asked).await;
}

#[tokio::test]
async fn deposits_and_withdrawals_count_and_what_was_refused_does_not() {
    let app = TestApp::start_alone().await;
    let (customer, other) = (app.customer().await, app.customer().await);
    let empty = customer.get("/wallet/top-transfers").await;
    assert_eq!((&empty.body["data"], empty.version), (&json!({"incoming": [], "outgoing": []}), Some(0)));
    assert_eq!(customer.deposit(10_000).await.status, 201);
    assert_eq!(other.deposit(500).await.status, 201);
    assert_eq!(customer.withdraw(60).await.status, 201);
    assert_eq!(customer.withdraw(9_999_999).await.code(), "insufficient_funds");
    // With its fee of 1.5 % the transfer costs more than the withdrawal of 1,010; without, it is the smaller one.
    assert_eq!(customer.transfer(other.wallet, 1_000).await.status, 201);
    assert_eq!(customer.withdraw(1_010).await.status, 201);
    assert_eq!(customer.transfer(other.wallet, 9_999_999).await.code(), "insufficient_funds");
    assert_eq!(other.transfer(customer.wallet, 70).await.status, 201);
    assert_eq!(customer.deposit(60).await.status, 201);

    let answer = customer.get("/wallet/top-transfers").await;
    let lines =
        |lines: &[(&str, i64)]| lines.iter().map(|(kind, n)| ((*kind).to_owned(), *n)).collect::<Vec<_>>();
    let incoming = [("deposit", 10_000), ("transfer_in", 70), ("deposit", 60)];
    assert_eq!(told(&answer, "incoming"), lines(&incoming));
    let outgoing = [("withdrawal", 1_010), ("transfer_out", 1_000), ("withdrawal", 60)];
    assert_eq!(told(&answer, "outgoing"), lines(&outgoing));
    is_exact(&app.db, &customer, 5).await;
    is_exact(&app.db, &other, 5).await;
    // Each line is the very one of the list, with what the list keeps to the sender.
    let list = customer.get("/wallet/transactions").await.body["data"]["transactions"].clone();
    for line in part(&answer, "incoming").iter().chain(part(&answer, "outgoing")) {
        assert!(list.as_array().unwrap().contains(line), "{line}");
    }
    let received = &part(&answer, "incoming")[1];
    assert_eq!(received["reference_id"], Value::Null);
}

#[tokio::test]
async fn of_equals_the_newest_come_first_and_no_more_than_asked_for() {
    let app = TestApp::start_alone().await;
    let customer = app.customer().await;
    let mut ids = Vec::new();
    for amount in [30, 50, 30, 30, 50, 30, 10] {
        let deposited = customer.deposit(amount).await;
        ids.push(deposited.body["data"]["deposit"]["id"].clone());
    }
    let in_order = [4, 1, 5, 3, 2, 0, 6].map(|at| ids[at].clone());
    for (query, count) in [("", 5), ("?limit=1", 1), ("?limit=6", 6), ("?limit=100", 7)] {
        let answer = customer.get(&format!("/wallet/top-transfers{query}")).await;
        let told: Vec<_> = part(&answer, "incoming").iter().map(|line| line["id"].clone()).collect();
        assert_eq!(told, in_order[..count], "{query}");
        assert_eq!(part(&answer, "outgoing").len(), 0);
    }
}

#[tokio::test]
async fn only_an_enabled_wallet_of_ones_own_is_shown() {
    let app = TestApp::start_alone().await;
    let path = "/wallet/top-transfers";
    let new = Customer::init(&app.base, Uuid::new_v4()).await;
    let refused = new.get(path).await;
    assert_eq!((refused.status, refused.code()), (404, "wallet_disabled"));
    let customer = app.customer().await;
    assert_eq!(customer.deposit(77).await.status, 201);
    assert_eq!(customer.disable().await.status, 200);
    assert_eq!(customer.get(path).await.code(), "wallet_disabled");
    // Whatever is named in the query, a token is for one wallet.
    let stranger = app.customer().await;
    let asked = stranger.get(&format!("{path}?wallet={0}&wallet_id={0}", customer.wallet)).await;
    assert_eq!(asked.body["data"], json!({"incoming": [], "outgoing": []}));
    for wrong in ["0", "101", "-1", "x", "", "5.0"] {
        let refused = stranger.get(&format!("{path}?limit={wrong}")).await;
        assert_eq!((refused.status, refused.code()), (400, "validation_failed"), "{wrong}");
    }
}
