//! The connection cut in the middle of a commit: before the commit reached Postgres, and after it took place unanswered.

use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;
use wallet::ledger::{LedgerError, posting::PostingLoop};

use super::support::{
    books::Books,
    database::TestDatabase,
    load::{Load, Manner, Reply},
    operations::{Expecting, NotPosted, deposit, settings},
    proxy::Proxy,
    service::Service,
    topic::tell_the_books,
};

/// Postgres is there and can be asked, so nobody may hear that the outcome is not known, or a second decision.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_became_of_a_lost_commit_is_found_out_before_anybody_is_answered() {
    let (service, proxy) = Service::behind_a_proxy().await;
    let once = Manner { retries: false, pause: Duration::ZERO, ..Manner::default() };
    let load = Load::start(&service.servers[0].base, 6, once).await;
    proxy.cut_commits(3);
    load.goes_on(300).await;
    let cut = proxy.cut_commits(0);
    assert!(cut >= 8, "only {cut} commits were cut");
    let all = load.stop().await;
    let undecided = all.iter().find(|asked| {
        !matches!(asked.attempts[..], [ref only] if matches!(only.reply, Reply::Booked(..) | Reply::InsufficientFunds))
    });
    assert!(undecided.is_none(), "{undecided:?}");
    Books::read(&service.db.url).await.explain(&all);
    tell_the_books(&service.settings).await;
}

/// Posts deposits of twenty wallets in one batch whose first commit is lost before it took place; one of them, of 13, cannot
/// be booked from then on.
async fn a_spoilt_batch_whose_commit_was_lost(spoil: &str) {
    let db = TestDatabase::create().await;
    let wallets = db.wallets(20).await;
    let (proxy, url) = Proxy::to_database(&db.url).await;
    let posting_loop = PostingLoop::start(settings(&url), Arc::new(tokio::sync::Notify::new()));
    posting_loop.book(deposit(wallets[0], 1)).await.unwrap();
    db.run(spoil).await;
    proxy.cut_before_the_next_commit();
    let amount = |n| if n == 7 { 13 } else { 1 };
    let told = join_all(
        wallets.iter().enumerate().map(|(n, wallet)| posting_loop.book(deposit(*wallet, amount(n)))),
    )
    .await;
    for (n, told) in told.iter().enumerate() {
        match told {
            Err(NotPosted::Failed(LedgerError::Internal(_))) if n == 7 => {}
            told => assert!(n != 7 && told.is_ok(), "{n}: {told:?}"),
        }
    }
    assert_eq!(db.number("select sum(available) from wallets").await, 20);
}

/// That the commit did not take place is known; what comes then is told as it is.
#[tokio::test]
async fn a_batch_whose_lost_commit_did_not_take_place_is_an_ordinary_one_again() {
    a_spoilt_batch_whose_commit_was_lost(
        "create sequence attempts;
         create function spoil() returns trigger language plpgsql security definer as $$ begin
             if new.amount = 13 and nextval('attempts') > 1 then raise exception 'spoilt'; end if;
             return new;
         end $$;
         create trigger spoil before insert on transactions for each row execute function spoil()",
    )
    .await;
}

/// A commit that Postgres refuses for one operation's sake is lost in words; the books tell that it did not take place.
#[tokio::test]
async fn an_operation_that_spoils_the_commit_itself_does_not_harm_its_neighbours() {
    a_spoilt_batch_whose_commit_was_lost(
        "create function spoil() returns trigger language plpgsql as $$ begin
             if new.amount = 13 then raise exception 'spoilt'; end if;
             return null;
         end $$;
         create constraint trigger spoil after insert on transactions deferrable initially deferred
         for each row execute function spoil()",
    )
    .await;
}
