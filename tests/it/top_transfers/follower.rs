//! The follower: it keeps what it should, and nothing depends on when it does.

use std::{sync::Arc, time::Duration};

use sqlx::Row;
use tokio::time::sleep;
use uuid::Uuid;
use wallet::{
    db::migrator::{DataLoss, Direction, migrate},
    kernel::ids::WalletId,
    ledger::{
        posting::{PostingLoop, store},
        top_transfers::TopTransfersFollower,
    },
};

use super::{is_exact, is_kept_through, much, through};
use crate::support::{
    app::TestApp,
    customer::Customer,
    database::TestDatabase,
    operations::{Expecting, deposit, settings},
    process::Server,
    service::Service,
    wait::until,
};

const ALONE: [(&str, &str); 2] = [("KAFKA_BROKERS", ""), ("REDIS_URL", "")];

fn loop_on(db: &TestDatabase) -> PostingLoop {
    PostingLoop::start(settings(&db.url), Arc::default())
}

async fn version(db: &TestDatabase, wallet: Uuid) -> i64 {
    db.number(&format!("select version from wallets where id = '{wallet}'")).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_lists_are_those_of_the_whole_history_while_blocks_are_folded() {
    let app = TestApp::start_alone().await;
    let (customer, other) = (app.customer().await, app.customer().await);
    let posting_loop = loop_on(&app.db);
    for (round, count) in (0..).zip([3, 120, 133, 1, 255, 300, 40, 270]) {
        much(&posting_loop, customer.wallet, WalletId(other.wallet), count, round).await;
        for limit in [5, 100] {
            is_exact(&app.db, &customer, limit).await;
            is_exact(&app.db, &other, limit).await;
        }
    }
    let head = version(&app.db, customer.wallet).await;
    assert!(head > 4 * 256, "{head}");
    is_kept_through(&app.db, customer.wallet, head / 256 * 256).await;
    is_exact(&app.db, &customer, 100).await;
    is_exact(&app.db, &other, 5).await;
}

/// The backend that follows; none while nobody does.
async fn leader(db: &TestDatabase) -> Option<i32> {
    let sql = "select (select pid from pg_locks
                       where locktype = 'advisory' and classid = 7201 and objid = 4 and granted
                         and database = (select oid from pg_database where datname = current_database()))";
    sqlx::query(sql).fetch_one(&mut db.connect().await).await.unwrap().get(0)
}

async fn another_leads(db: &TestDatabase, than: Option<i32>) -> Option<i32> {
    until("another one follows", Duration::from_secs(20), async || {
        let leader = leader(db).await;
        (leader.is_some() && leader != than).then_some(leader)
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_two_servers_follows_and_when_it_dies_the_other_goes_on() {
    let mut service = Service::of(1, &ALONE).await;
    let first = another_leads(&service.db, None).await;
    service.servers.push(Server::start(&service.settings));
    let (customer, other) = (service.customer().await, service.customer().await);
    let posting_loop = loop_on(&service.db);
    let other = WalletId(other[0].wallet);
    much(&posting_loop, customer[0].wallet, other, 700, 1).await;
    service.servers[0].signal("KILL");
    much(&posting_loop, customer[0].wallet, other, 400, 2).await;
    is_exact(&service.db, &customer[1], 100).await;
    let second = another_leads(&service.db, first).await;
    much(&posting_loop, customer[0].wallet, other, 400, 3).await;
    // Its session is cut, again and again, wherever it is.
    for seed in 4..10 {
        service
            .db
            .run(
                "select pg_terminate_backend(pid) from pg_stat_activity
                        where application_name = 'wallet top transfers' and datname = current_database()",
            )
            .await;
        much(&posting_loop, customer[0].wallet, other, 100, seed).await;
        is_exact(&service.db, &customer[1], 100).await;
    }
    service.servers[0] = Server::start(&service.settings);
    another_leads(&service.db, second).await;
    let head = version(&service.db, customer[0].wallet).await;
    is_kept_through(&service.db, customer[0].wallet, head / 256 * 256).await;
    let here = customer[1].at(&service.servers[0].base);
    is_exact(&service.db, &here, 100).await;
    is_exact(&service.db, &customer[1], 5).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_and_cursor_that_are_deleted_come_again_and_a_new_migration_begins_at_the_first_entry() {
    let mut app = TestApp::start_alone().await;
    let (customer, other) = (app.customer().await, app.customer().await);
    much(&loop_on(&app.db), customer.wallet, WalletId(other.wallet), 1_000, 1).await;
    let full = version(&app.db, customer.wallet).await / 256 * 256;
    let of_other = version(&app.db, other.wallet).await / 256 * 256;
    is_kept_through(&app.db, customer.wallet, full).await;
    app.db.run("delete from top_transfers").await;
    is_exact(&app.db, &customer, 100).await;
    for set_back in [
        "update cursors set position = 0 where log = 'top_transfers'",
        "delete from top_transfers; delete from cursors where log = 'top_transfers'",
    ] {
        app.db.run(set_back).await;
        is_kept_through(&app.db, customer.wallet, full).await;
        is_kept_through(&app.db, other.wallet, of_other).await;
        is_exact(&app.db, &customer, 100).await;
    }
    app.stop().await;
    migrate(&app.db.owner_url, Direction::DownTo(2, DataLoss::OnlyIfEmpty)).await.unwrap();
    migrate(&app.db.owner_url, Direction::Up).await.unwrap();
    app.db.grant().await;
    let server = Server::start(&app.settings);
    is_exact(&app.db, &customer.at(&server.base), 100).await;
    is_kept_through(&app.db, customer.wallet, full).await;
    is_kept_through(&app.db, other.wallet, of_other).await;
    is_exact(&app.db, &customer.at(&server.base), 100).await;
}

/// Deposits of other amounts than 1 to this one, behind the loop's back: a long history in a moment.
async fn long_history(db: &TestDatabase, customer: &Customer, count: i64) {
    let wallet = customer.wallet;
    db.run(&format!(
        "insert into transactions (id, kind, status, wallet_id, version, amount, currency, created_at)
             select gen_random_uuid(), 1, 0, '{wallet}', w.version + n, 1 + (n * 7919) % 1000003, 'USD', now()
             from wallets w cross join generate_series(1, {count}) n where w.id = '{wallet}';
         insert into entries (wallet_id, version, transaction_id, kind, delta_available, delta_held, delta_unreleased,
                              available, held, unreleased, occurred_at, hash)
             select wallet_id, t.version, t.id, kind, amount, 0, 0, 1, 0, 0, t.created_at, decode(repeat('00', 32), 'hex')
             from transactions t join wallets w on w.id = t.wallet_id and t.version > w.version
             where w.id = '{wallet}' order by t.version;
         update wallets set version = version + {count} where id = '{wallet}'"
    ))
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_follower_a_read_is_exact_or_says_that_it_cannot_be() {
    let mut service = Service::of(0, &ALONE).await;
    service.db = service.db.unaudited();
    let mut away = service.db.connect().await;
    sqlx::query("select pg_advisory_lock(7201, 4)").execute(&mut away).await.unwrap();
    service.servers.push(Server::start(&service.settings));
    let customer = &service.customer().await[0];
    let other = &service.customer().await[0];
    much(&loop_on(&service.db), customer.wallet, WalletId(other.wallet), 900, 1).await;
    is_exact(&service.db, customer, 100).await;
    assert_eq!(through(&service.db, customer.wallet).await, 0, "nobody has followed");

    // More than one read looks at: it keeps what it has folded, for the next one.
    long_history(&service.db, customer, 18_000).await;
    is_exact(&service.db, customer, 100).await;
    assert_eq!(through(&service.db, customer.wallet).await, 10_240);

    // More than one read folds: it says so, and the next one is nearer.
    long_history(&service.db, customer, 60_000).await;
    let refused = customer.get("/wallet/top-transfers").await;
    assert_eq!((refused.status, refused.code()), (503, "unavailable"));
    is_exact(&service.db, customer, 100).await;
    assert_eq!(other.get("/wallet/top-transfers").await.status, 200, "others have nothing to do with it");
}

/// A connection that was lost may come back to other books, such as those of a standby that lacks the last commits. Here
/// the amounts of a stretch change that the follower has read and not folded.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_read_over_a_lost_connection_is_not_folded() {
    let db = TestDatabase::create().await.unaudited();
    let wallet = db.wallets(1).await[0];
    let posting_loop = loop_on(&db);
    let deposits = async |count| {
        let posted = (0..count).map(|_| posting_loop.book(deposit(wallet, 1)));
        assert!(futures_util::future::join_all(posted).await.iter().all(Result::is_ok));
    };
    deposits(200).await;
    let stop = tokio_util::sync::CancellationToken::new();
    let _stops = stop.clone().drop_guard();
    tokio::spawn(TopTransfersFollower { database_url: db.url.clone() }.run(stop));
    let sql = "select count(*) from cursors c where c.log = 'top_transfers'
               and c.position = (select max(position) from entries)";
    until("the follower has read the log", Duration::from_secs(20), async || {
        (db.number(sql).await == 1).then_some(())
    })
    .await;
    let first = leader(&db).await;
    db.run(
        "alter table entries disable trigger all; update entries set delta_available = 1000 + version;
         alter table entries enable trigger all;
         select pg_terminate_backend(pid) from pg_stat_activity
             where application_name = 'wallet top transfers' and datname = current_database()",
    )
    .await;
    another_leads(&db, first).await;
    deposits(56).await;
    is_kept_through(&db, wallet.0, 256).await;
    let largest = "select incoming_amounts[1] from top_transfers";
    assert_eq!(db.number(largest).await, 1_200, "the books say so now");
}

/// As in the relay's tests: a slow batch is handed a position, a quick one a later position, and the quick one commits
/// first. The slow one fills a block.
#[tokio::test]
async fn a_block_that_a_slow_batch_fills_is_not_skipped() {
    let db = TestDatabase::create().await;
    let wallets = db.wallets(2).await;
    let posting_loop = loop_on(&db);
    let asked = (0..255).map(|_| posting_loop.book(deposit(wallets[0], 1)));
    assert!(futures_util::future::join_all(asked).await.iter().all(Result::is_ok));

    let mut slow = db.deposit_that_waits(wallets[0], 10).await;
    posting_loop.book(deposit(wallets[1], 20)).await.unwrap();

    let stop = tokio_util::sync::CancellationToken::new();
    let _stops = stop.clone().drop_guard();
    tokio::spawn(TopTransfersFollower { database_url: db.url.clone() }.run(stop));
    // Long enough to look twice and more.
    sleep(Duration::from_millis(700)).await;
    let cursor = "select position from cursors where log = 'top_transfers'";
    assert_eq!(db.number(cursor).await, 0, "the gate is open while an earlier position may still come");
    store::control(&mut slow, "commit").await.unwrap();
    is_kept_through(&db, wallets[0].0, 256).await;
}
