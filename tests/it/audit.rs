//! The audit: each of its rules is broken once, and it names the row.

use std::sync::Arc;

use wallet::ledger::{
    audit::{RULES, audit},
    posting_loop::PostingLoop,
};

use super::support::{
    database::TestDatabase,
    operations::{deposit, disable, enable, keyed, settings, transfer, withdraw},
};

/// What breaks each rule, in the order of [`RULES`], behind the back of the database's own rules. Wallet 1 ends in …01.
const BREAKS: [(&str, &str); 12] = [
    (
        "update wallets set available = available + 1 where id::text like '%01'",
        "wallet 00000000-0000-0000-0000-000000000001",
    ),
    ("update wallets set version = version + 1 where id::text like '%01'", "version 5, 4 entries"),
    (
        "update entries set available = available + 1 where version = 2 and wallet_id::text like '%01'",
        "entry 2",
    ),
    ("update entries set hash = sha256(hash) where version = 2 and wallet_id::text like '%01'", "entry 2"),
    ("update wallets set head_hash = sha256(head_hash) where id::text like '%01'", "000000000001"),
    (
        "update transactions set amount = amount + 1 where version = 1 and wallet_id::text like '%01'",
        "transaction ",
    ),
    ("update entries set kind = 1 where kind = 4", "transaction "),
    ("delete from transactions where version = 2 and wallet_id::text like '%01'", "entry 2"),
    (
        "update transactions set amount = amount + 1 where version = 1 and wallet_id::text like '%01'",
        "USD: debit",
    ),
    (
        "delete from status_changes where status_version = 2 and wallet_id::text like '%01'",
        "status 1 version 3",
    ),
    ("update keys set operation_id = gen_random_uuid() where key = 'off'", "key off of a test"),
    (
        // The refused withdrawal of 7, entry 3, counts as one that went out.
        "insert into top_transfers select wallet_id, 4, '{10,2}', '{1,4}', '{7,4}', '{3,2}' from entries
         where version = 4 and kind = 4",
        "0001: largest transfers through entry 4",
    ),
];

/// Two wallets with four entries and three status changes each; one entry is a refused withdrawal, one a transfer's.
/// Three keys: of a transfer, a status change and a refusal.
async fn some_books() -> TestDatabase {
    let db = TestDatabase::create().await;
    let posting_loop = PostingLoop::start(settings(&db.url), Arc::default());
    let wallets = db.wallets(2).await;
    for wallet in wallets.iter().copied() {
        posting_loop.post(deposit(wallet, 10)).await.unwrap();
        posting_loop.post(withdraw(wallet, 4)).await.unwrap();
        posting_loop.post(withdraw(wallet, 7)).await.unwrap_err();
        posting_loop.post(disable(wallet)).await.unwrap();
        posting_loop.post(enable(wallet)).await.unwrap();
    }
    posting_loop.post(keyed(transfer(wallets[1], wallets[0], 2), "sent", 1)).await.unwrap();
    posting_loop.post(keyed(transfer(wallets[1], wallets[0], 9), "short", 1)).await.unwrap_err();
    posting_loop.post(keyed(disable(wallets[1]), "off", 1)).await.unwrap();
    db
}

#[tokio::test]
async fn each_rule_finds_what_breaks_it_and_names_the_row() {
    assert_eq!(BREAKS.len(), RULES.len());
    let db = some_books().await.unaudited();
    assert_eq!(audit(&db.url).await.unwrap(), []);
    // What is kept rightly breaks nothing, and a wallet of which nothing is kept yet neither.
    let right = db.copy().await;
    right
        .run(
            "insert into top_transfers select wallet_id, 4, '{10,2}', '{1,4}', '{4}', '{2}' from entries
               where version = 4 and kind = 4",
        )
        .await;
    assert_eq!(audit(&right.url).await.unwrap(), []);
    for ((break_it, named), rule) in BREAKS.iter().zip(RULES) {
        // Each on a copy of the whole books; replica mode switches the triggers off that refuse it.
        let broken = db.copy().await;
        broken.run(&format!("set session_replication_role = replica; {break_it}")).await;
        let findings = audit(&broken.url).await.unwrap();
        let found = findings.iter().find(|finding| finding.sentence == rule.sentence);
        let found =
            found.unwrap_or_else(|| panic!("{break_it}: not found by {:?}: {findings:#?}", rule.sentence));
        assert!(found.rows.iter().any(|row| row.contains(named)), "{named:?} is not named: {found:#?}");
    }
}

#[tokio::test]
async fn the_audit_holds_while_money_moves() {
    let db = TestDatabase::create().await;
    let wallets = db.wallets(5).await;
    let posting_loop = PostingLoop::start(settings(&db.url), Arc::default());
    let moving = async {
        for round in 0..60 {
            let all = wallets.iter().map(|wallet| posting_loop.post(deposit(*wallet, 1 + round)));
            assert!(futures_util::future::join_all(all).await.iter().all(Result::is_ok));
        }
    };
    let auditing = async {
        for _ in 0..5 {
            assert_eq!(audit(&db.url).await.unwrap(), []);
        }
    };
    tokio::join!(moving, auditing);
}
