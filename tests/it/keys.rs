//! Idempotency keys on a real Postgres: one booking, whoever asks at once, and the first answer for ever after.

use std::sync::Arc;

use futures_util::future::join_all;
use wallet::{
    kernel::ids::WalletId,
    ledger::{
        Done, Operation, Refusal,
        book::Proof,
        posting::{LoopSettings, PostingLoop, store},
    },
};

use super::support::{
    database::TestDatabase,
    operations::{Expecting, NotPosted, deposit, disable, keyed, settings, transfer, withdraw},
};

fn start(settings: LoopSettings) -> PostingLoop {
    PostingLoop::start(settings, Arc::new(tokio::sync::Notify::new()))
}

fn refused(refusal: Refusal) -> NotPosted {
    NotPosted::Refused { refusal, replayed: false }
}

/// Both processes are sent the same request with the same key, many times, at once: `asked` makes it anew.
async fn one_booking(db: &TestDatabase, asked: impl Fn() -> Operation) {
    let loops = [start(settings(&db.url)), start(settings(&db.url))];
    let before = db.number("select count(*) from transactions").await;
    let answers = join_all((0..40).map(|n| loops[n % 2].book(asked()))).await;
    let first = answers.iter().find_map(|answer| answer.as_ref().ok().filter(|posted| !posted.replayed));
    let first = first.expect("one is booked");
    assert_eq!(answers.iter().filter(|a| a.as_ref().is_ok_and(|posted| !posted.replayed)).count(), 1);
    for answer in &answers {
        let Ok(posted) = answer else { panic!("{answer:?}") };
        assert_eq!(posted.receipt(), first.receipt());
    }
    assert_eq!(db.number("select count(*) from transactions").await, before + 1);
}

#[tokio::test]
async fn the_same_key_twice_at_once_moves_money_once() {
    let db = TestDatabase::create().await;
    let wallets = db.wallets(2).await;
    start(settings(&db.url)).book(deposit(wallets[0], 100)).await.unwrap();
    one_booking(&db, || keyed(deposit(wallets[0], 7), "a", 1)).await;
    one_booking(&db, || keyed(withdraw(wallets[0], 7), "b", 1)).await;
    one_booking(&db, || keyed(transfer(wallets[0], wallets[1], 7), "c", 1)).await;
}

/// One actor, two wallets: no wallet's lock stands between the two processes.
#[tokio::test]
async fn the_same_keys_at_once_on_different_wallets_are_answered_once_each() {
    let db = TestDatabase::create().await;
    let wallets = db.wallets(8).await;
    let loops = [start(settings(&db.url)), start(settings(&db.url))];
    // Each loop is sent every key, for wallets of its own and in an order of its own.
    let keys = 300;
    let asked = |n: usize| {
        let (at, n) = (n % 2, n / 2);
        let key = if at == 0 { n } else { keys - 1 - n };
        let wallet = wallets[4 * at + n % 4];
        let key_name = key.to_string();
        let posting_loop = &loops[at];
        async move { (key, posting_loop.book(keyed(deposit(wallet, 1), &key_name, 1)).await) }
    };
    let mut answers: Vec<_> = join_all((0..2 * keys).map(asked)).await;
    answers.sort_by_key(|(key, _)| *key);
    for pair in answers.chunks(2) {
        let [(_, Ok(one)), (_, Ok(other))] = pair else { panic!("{pair:?}") };
        assert_eq!(one.id(), other.id());
        assert!(one.replayed != other.replayed, "{pair:?}");
    }
    assert_eq!(db.number("select sum(available) from wallets").await, i64::try_from(keys).unwrap());
}

#[tokio::test]
async fn a_key_is_remembered_after_a_restart_also_for_a_refusal() {
    let db = TestDatabase::create().await;
    let wallets = db.wallets(2).await;
    let first = start(settings(&db.url));
    first.book(deposit(wallets[0], 10)).await.unwrap();
    let sent = first.book(keyed(transfer(wallets[0], wallets[1], 7), "sent", 1)).await.unwrap();
    let short = Refusal::InsufficientFunds { available: 3, required: 7 };
    let asked = || keyed(transfer(wallets[0], wallets[1], 7), "short", 1);
    assert_eq!(first.book(asked()).await, Err(refused(short.clone())));
    let first_off = first.book(keyed(disable(wallets[1]), "off", 1)).await.unwrap();
    drop(first);

    let second = start(settings(&db.url));
    second.book(deposit(wallets[0], 100)).await.unwrap();
    let again = second.book(keyed(transfer(wallets[0], wallets[1], 7), "sent", 1)).await.unwrap();
    assert!(again.replayed);
    assert_eq!((again.id(), again.receipt().balance.version), (sent.id(), 2));
    assert_eq!(again.receipt().balance.buckets, sent.receipt().balance.buckets, "as it was then");
    let replayed = NotPosted::Refused { refusal: short, replayed: true };
    assert_eq!(second.book(asked()).await, Err(replayed));
    let off = second.book(keyed(disable(wallets[1]), "off", 1)).await.unwrap();
    assert!(off.replayed);
    assert_eq!(off.done, first_off.done);
    assert!(matches!(&off.done, Done::Status(receipt) if receipt.disabled_at.is_some()), "{off:?}");
    for key in ["sent", "short", "off"] {
        let other = second.book(keyed(deposit(wallets[0], 1), key, 2)).await;
        assert_eq!(other, Err(refused(Refusal::KeyReused)));
    }
    assert_eq!(db.number("select count(*) from keys").await, 3);
    assert_eq!(db.number("select count(*) from keys where expires_at is null").await, 2);
}

#[tokio::test]
async fn keys_of_refusals_are_swept_when_their_day_is_over_and_those_of_successes_stay() {
    let db = TestDatabase::create().await;
    let wallet = db.wallets(1).await[0];
    let posting_loop = start(settings(&db.url));
    posting_loop.book(keyed(deposit(wallet, 1), "kept", 1)).await.unwrap();
    for key in ["old", "young"] {
        posting_loop.book(keyed(withdraw(wallet, 2), key, 1)).await.unwrap_err();
    }
    db.run("update keys set expires_at = now() - interval '1 second' where key = 'old'").await;
    let pool = wallet::db::connect(&db.url, 1).unwrap();
    assert_eq!(store::sweep_keys(&pool).await, Ok(1));
    assert_eq!(store::sweep_keys(&pool).await, Ok(0));
    assert_eq!(db.number("select count(*) from keys where key in ('kept', 'young')").await, 2);
    let short = Refusal::InsufficientFunds { available: 1, required: 2 };
    assert_eq!(posting_loop.book(keyed(withdraw(wallet, 2), "old", 1)).await, Err(refused(short)));
}

/// What the loop asks after a commit that was lost: here the batch had nothing but a key to write.
#[tokio::test]
async fn a_batch_of_refusals_alone_is_known_by_its_keys() {
    let db = TestDatabase::create().await;
    let nobody = WalletId(uuid::Uuid::max());
    let asked = keyed(deposit(nobody, 1), "k", 1);
    let mut conn = store::connect(&db.url).await.unwrap();
    let proof = |asked: &Operation| Proof::Key {
        name: asked.key.as_ref().expect("a key").name.clone(),
        operation: asked.id,
    };
    assert_eq!(store::is_committed(&mut conn, &proof(&asked)).await, Ok(false));
    let posting_loop = start(settings(&db.url));
    assert_eq!(posting_loop.book(asked.clone()).await, Err(refused(Refusal::WalletNotFound)));
    assert_eq!(store::is_committed(&mut conn, &proof(&asked)).await, Ok(true));
    // The same key, asked again: another operation, which is not the one that was booked.
    let again = keyed(deposit(nobody, 1), "k", 1);
    assert_eq!(store::is_committed(&mut conn, &proof(&again)).await, Ok(false));
}
