//! Two servers on one database: one relays, the other stands by and takes over when the first one dies.

use std::time::Duration;

use sqlx::Row;
use tokio::time::sleep;

use super::support::{
    books::Books,
    database::TestDatabase,
    load::{Load, Manner},
    process::Server,
    service::Service,
    topic::tell_the_books,
    wait::until,
};

/// The backends that hold the locks of the two relays; none for a log that nobody relays.
async fn leaders(db: &TestDatabase) -> Vec<Option<i32>> {
    let sql = "select (select pid from pg_locks
                       where locktype = 'advisory' and classid = 7201 and objid = log and granted
                         and database = (select oid from pg_database where datname = current_database()))
               from unnest(array[2, 3]::oid[]) log";
    let mut conn = db.connect().await;
    sqlx::query(sql).fetch_all(&mut conn).await.expect("the locks").iter().map(|row| row.get(0)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_the_relaying_server_dies_the_other_takes_over_without_a_gap() {
    let mut service = Service::of(1, &[]).await;
    until("the first one relays", Duration::from_secs(30), async || {
        leaders(&service.db).await.iter().all(Option::is_some).then_some(())
    })
    .await;
    service.servers.push(Server::start(&service.settings));
    let loads = [
        Load::start(&service.servers[0].base, 5, Manner::default()).await,
        Load::start(&service.servers[1].base, 5, Manner::default()).await,
    ];
    // The roles change twice: whoever relays dies, and another server comes to stand by.
    for relaying in [0, 1] {
        loads[0].goes_on(30).await;
        loads[1].goes_on(30).await;
        sleep(Duration::from_millis(250)).await;
        let before = leaders(&service.db).await;
        service.servers[relaying].signal("KILL");
        until("the other one relays", Duration::from_secs(20), async || {
            let now = leaders(&service.db).await;
            now.iter().zip(&before).all(|(now, before)| now.is_some() && now != before).then_some(())
        })
        .await;
        loads[1 - relaying].goes_on(30).await;
        service.servers[relaying] = Server::start(&service.settings);
        loads[relaying].move_to(&service.servers[relaying].base);
    }
    let mut all = Vec::new();
    for load in loads {
        all.extend(load.stop().await);
    }
    Books::read(&service.db.url).await.explain(&all);
    tell_the_books(&service.settings).await;
}

/// A server whose process stands still keeps its connections and says nothing. Its sessions end by themselves, and what it
/// still has on its way when it goes on are repeats.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_the_relaying_server_stands_still_the_other_takes_over_and_the_topic_stays_in_order() {
    let mut service = Service::of(1, &[]).await;
    until("the first one relays", Duration::from_secs(30), async || {
        leaders(&service.db).await.iter().all(Option::is_some).then_some(())
    })
    .await;
    service.servers.push(Server::start(&service.settings));
    let load = Load::start(&service.servers[1].base, 5, Manner::default()).await;
    let there = Load::start(&service.servers[0].base, 5, Manner::default()).await;
    load.goes_on(30).await;
    there.goes_on(30).await;
    let mut all = there.stop().await;
    let before = leaders(&service.db).await;
    service.servers[0].signal("STOP");
    until("the other one relays", Duration::from_secs(20), async || {
        let now = leaders(&service.db).await;
        now.iter().zip(&before).all(|(now, before)| now.is_some() && now != before).then_some(())
    })
    .await;
    load.goes_on(30).await;
    service.servers[0].signal("CONT");
    load.goes_on(30).await;
    all.extend(load.stop().await);
    Books::read(&service.db.url).await.explain(&all);
    tell_the_books(&service.settings).await;
}

/// Customers that use both servers at once: their books and their messages are as whole as with one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_wallet_served_by_two_servers_has_one_history() {
    let service = Service::of(2, &[]).await;
    let here = Load::start(&service.servers[0].base, 3, Manner::default()).await;
    let there = here.beside(&service.servers[1].base, Manner::default());
    here.goes_on(300).await;
    let mut all = here.stop().await;
    all.extend(there.stop().await);
    Books::read(&service.db.url).await.explain(&all);
    tell_the_books(&service.settings).await;
}

/// Every session that the servers have is ended again and again: in the middle of a batch, of a commit, of a relay's
/// stretch, so that the relays change places while their producers still have something in flight.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_that_are_cut_cost_nothing() {
    let service = Service::of(2, &[]).await;
    let here = Load::start(&service.servers[0].base, 4, Manner::default()).await;
    let there = here.beside(&service.servers[1].base, Manner::default());
    let cut = "select count(pg_terminate_backend(pid)) from pg_stat_activity
               where datname = current_database() and pid <> pg_backend_pid()";
    here.goes_on(30).await;
    let mut ended = 0;
    for pause in (0..15).map(|n| 90 + 37 * n % 70) {
        ended += service.db.number(cut).await;
        sleep(Duration::from_millis(pause)).await;
    }
    println!("{ended} sessions were ended");
    here.goes_on(30).await;
    there.goes_on(30).await;
    let mut all = here.stop().await;
    all.extend(there.stop().await);
    Books::read(&service.db.url).await.explain(&all);
    tell_the_books(&service.settings).await;
}
