//! A slow read of Postgres must not put an old view back into Redis.

use std::{sync::Arc, time::Duration};

use redis::{AsyncCommands, aio::MultiplexedConnection};
use tokio::time::sleep;
use wallet::{
    adapters::{in_process::InProcessCache, redis::RedisCache},
    cache::{BalanceCache, Lookup, Ticket, WalletView},
    kernel::ids::WalletId,
};

use crate::support::{
    bus::unique,
    own_server::OwnServer,
    servers::servers,
    views::{Untroubled, money, money_part, status, status_part, wallet},
    wait::until,
};

/// A cache that is connected, its prefix, and a connection beside it.
async fn connected(url: &str) -> (Arc<RedisCache>, String, MultiplexedConnection) {
    let prefix = format!("{}:", unique("tickets"));
    let cache = RedisCache::connect(url, &prefix).unwrap();
    until("Redis", Duration::from_secs(10), async || cache.ping().await.ok()).await;
    let raw = redis::Client::open(url).unwrap().get_multiplexed_async_connection().await.unwrap();
    (Arc::new(cache), prefix, raw)
}

/// What a reader gets who finds nothing.
async fn missed(cache: &dyn BalanceCache, id: WalletId) -> Ticket {
    match cache.get(id).await.unwrap() {
        Lookup::Miss(ticket) => ticket,
        Lookup::Hit(view) => panic!("it is there: {view:?}"),
    }
}

async fn fills(cache: &dyn BalanceCache, ticket: Ticket, view: WalletView) -> bool {
    cache.fill(&[(ticket, view)]).await.unwrap() == 1
}

/// A reader finds nothing and reads version 1. Version 2 is booked, and the refresher writes it. Redis loses it. The
/// reader comes with version 1.
#[tokio::test(flavor = "multi_thread")]
async fn a_slow_reader_puts_no_old_view_back_after_an_eviction_or_a_flush() {
    let server = OwnServer::redis().await;
    let (cache, prefix, mut raw) = connected(server.address()).await;
    for lose in ["evict", "flush", "expire"] {
        let old = wallet(1);
        let ticket = missed(&*cache, old.id).await;
        cache.refresh(&[money_part(&old, 2), status_part(&old, status(3))]).await.unwrap();
        let key = format!("{prefix}w2:{}", old.id);
        match lose {
            "evict" => raw.del::<_, ()>(&key).await.unwrap(),
            "flush" => redis::cmd("FLUSHALL").exec_async(&mut raw).await.unwrap(),
            _ => raw.pexpire::<_, ()>(&key, 1).await.unwrap(),
        }
        sleep(Duration::from_millis(5)).await;
        assert!(!fills(&*cache, ticket.clone(), old).await, "{lose}: it does not know of version 2");
        assert_eq!(cache.found(old.id).await.unwrap(), None, "{lose}");
        // Another reader has begun meanwhile: its hash is not the first one's.
        let late = missed(&*cache, old.id).await;
        assert!(!fills(&*cache, ticket, old).await, "{lose}");
        let new = WalletView { money: money(2), status: status(3), ..old };
        assert!(fills(&*cache, late, new).await);
        assert_eq!(cache.found(old.id).await.unwrap(), Some(new), "{lose}");
    }
}

/// Neither of the two parts may be put back when only one of them was written and lost.
#[tokio::test(flavor = "multi_thread")]
async fn both_parts_of_a_view_are_filled_under_one_ticket() {
    let (cache, prefix, mut raw) = connected(&servers().redis_url).await;
    let old = wallet(1);
    let key = format!("{prefix}w2:{}", old.id);
    // The money was there: half a view has a ticket of its own, without another question.
    cache.refresh(&[money_part(&old, 1)]).await.unwrap();
    let ticket = missed(&*cache, old.id).await;
    cache.refresh(&[status_part(&old, status(2))]).await.unwrap();
    let _: () = raw.del(&key).await.unwrap();
    assert!(!fills(&*cache, ticket, old).await, "it would show a wallet that was disabled");
    assert!(!raw.exists::<_, bool>(&key).await.unwrap());
    // Nothing was lost: what is newer stays, part by part.
    let ticket = missed(&*cache, old.id).await;
    cache.refresh(&[status_part(&old, status(2))]).await.unwrap();
    assert!(fills(&*cache, ticket, old).await);
    let newest = WalletView { status: status(2), ..old };
    assert_eq!(cache.found(old.id).await.unwrap(), Some(newest));
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_that_miss_at_once_all_fill() {
    let (cache, ..) = connected(&servers().redis_url).await;
    let view = wallet(3);
    let (one, other) = (missed(&*cache, view.id).await, missed(&*cache, view.id).await);
    assert!(fills(&*cache, one, view).await);
    assert!(fills(&*cache, other, WalletView { money: money(2), ..view }).await, "nothing was lost");
    assert_eq!(cache.found(view.id).await.unwrap(), Some(view), "and the newer one stays");
}

/// A reader that never comes leaves nothing behind, and one that comes too late does nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_holds_for_less_than_half_a_second() {
    let (cache, prefix, mut raw) = connected(&servers().redis_url).await;
    let (gone, half) = (wallet(1), wallet(1));
    cache.refresh(&[money_part(&half, 1)]).await.unwrap();
    let tickets = [missed(&*cache, gone.id).await, missed(&*cache, half.id).await];
    sleep(Duration::from_millis(500)).await;
    for (ticket, view) in tickets.into_iter().zip([gone, half]) {
        assert!(!fills(&*cache, ticket, view).await);
        assert_eq!(cache.found(view.id).await.unwrap(), None);
    }
    sleep(Duration::from_millis(500)).await;
    assert!(!raw.exists::<_, bool>(format!("{prefix}w2:{}", gone.id)).await.unwrap());
    assert!(raw.exists::<_, bool>(format!("{prefix}w2:{}", half.id)).await.unwrap());
}

/// What another connection, or another run of Redis, has said is no base for a fill.
#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_ends_with_its_connection() {
    let server = OwnServer::redis().await;
    let (cache, _, mut raw) = connected(server.address()).await;
    let view = wallet(1);
    cache.refresh(&[money_part(&view, 1)]).await.unwrap();
    let ticket = missed(&*cache, view.id).await;
    let kill = redis::cmd("CLIENT").arg("KILL").arg("TYPE").arg("normal").arg("SKIPME").arg("yes").to_owned();
    kill.exec_async(&mut raw).await.unwrap();
    until("it is connected again", Duration::from_secs(10), async || cache.ping().await.ok()).await;
    assert!(!fills(&*cache, ticket, view).await);
    let ticket = missed(&*cache, view.id).await;
    assert!(fills(&*cache, ticket, view).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cached_view_costs_no_ticket_and_a_missing_one_costs_one() {
    let server = OwnServer::redis().await;
    let (cache, _, mut raw) = connected(server.address()).await;
    let view = wallet(1);
    let mut commands = async || -> u64 {
        let text: String = redis::cmd("INFO").arg("stats").query_async(&mut raw).await.unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix("total_commands_processed:")).unwrap();
        line.trim().parse().unwrap()
    };
    let calls = |before: u64, after: u64| after - before - 1;
    // Commands inside a script count as well: what is compared is who calls.
    let before = commands().await;
    cache.put(&view).await.unwrap();
    let filled = commands().await;
    assert!(calls(before, filled) >= 2);
    for _ in 0..10 {
        assert_eq!(cache.found(view.id).await.unwrap(), Some(view));
    }
    assert_eq!(calls(filled, commands().await), 10, "one command for each");
}

/// The two seconds of the cache inside the process count from before Postgres was asked.
#[tokio::test]
async fn in_this_process_a_view_counts_from_the_question() {
    let cache = InProcessCache::default();
    let view = wallet(1);
    let ticket = missed(&cache, view.id).await;
    sleep(Duration::from_millis(1_500)).await;
    assert!(fills(&cache, ticket, view).await);
    assert_eq!(cache.found(view.id).await.unwrap(), Some(view));
    sleep(Duration::from_millis(700)).await;
    assert_eq!(cache.found(view.id).await.unwrap(), None, "Postgres was asked 2.2 s ago");
}
