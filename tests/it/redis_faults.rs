//! What Redis alone has to stand, and what lies in it.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use redis::{AsyncCommands, aio::MultiplexedConnection};
use wallet::{
    adapters::redis::RedisCache,
    cache::{BalanceCache, WalletView},
};

use crate::{
    cache::redis,
    support::{
        bus::unique,
        own_server::OwnServer,
        servers::servers,
        views::{Untroubled, money, money_part, status, status_part, wallet},
    },
};

async fn raw(url: &str) -> MultiplexedConnection {
    redis::Client::open(url).unwrap().get_multiplexed_async_connection().await.unwrap()
}

/// Waits until the cache answers again.
async fn recovered(cache: &RedisCache) {
    for _ in 0..600 {
        if cache.ping().await.is_ok() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the cache did not come back");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wallet_lives_an_hour_from_its_last_change_and_can_be_read_by_a_person() {
    let prefix = format!("{}:", unique("cache"));
    let url = &servers().redis_url;
    let cache = RedisCache::connect(url.as_str(), &prefix).unwrap();
    recovered(&cache).await;
    let view = wallet(5);
    cache.put(&view).await.unwrap();
    let mut raw = raw(url).await;
    let key = format!("{prefix}w2:{}", view.id);
    let ttl: i64 = raw.ttl(&key).await.unwrap();
    assert!((3_590..=3_600).contains(&ttl), "{ttl}");
    let fields: std::collections::HashMap<String, String> = raw.hgetall(&key).await.unwrap();
    assert_eq!(fields["money"], "currency=USD available=500 held=50 unreleased=0");
    assert_eq!(fields["version"], "5");
    let micros = view.status.enabled_at.unwrap().timestamp_micros();
    assert_eq!(fields["status"], format!("status=enabled frozen=0 enabled_at={micros} disabled_at="));
    let _: () = raw.expire(&key, 100).await.unwrap();
    cache.put(&view).await.unwrap();
    let ttl: i64 = raw.ttl(&key).await.unwrap();
    assert!(ttl <= 100, "nothing was newer, so nothing was written: {ttl}");
    cache.refresh(&[money_part(&view, 6)]).await.unwrap();
    let ttl: i64 = raw.ttl(&key).await.unwrap();
    assert!(ttl > 3_500, "{ttl}");
    let brief = RedisCache::connect(url.as_str(), &prefix).unwrap().with_time_to_live(Duration::from_secs(2));
    recovered(&brief).await;
    brief.refresh(&[money_part(&view, 7)]).await.unwrap();
    let ttl: i64 = raw.ttl(&key).await.unwrap();
    assert!(ttl <= 2, "{ttl}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_a_view_is_a_miss_and_is_replaced() {
    let prefix = format!("{}:", unique("cache"));
    let url = &servers().redis_url;
    let cache = RedisCache::connect(url.as_str(), &prefix).unwrap();
    recovered(&cache).await;
    let (broken, odd, sane) = (wallet(1), wallet(1), wallet(1));
    for view in [broken, odd, sane] {
        cache.put(&view).await.unwrap();
    }
    let mut raw = raw(url).await;
    let wrong = "currency=USD available=1e3 held=0 unreleased=0";
    let _: () = raw.hset(format!("{prefix}w2:{}", broken.id), "money", wrong).await.unwrap();
    let _: () = raw.set(format!("{prefix}w2:{}", odd.id), "not a hash").await.unwrap();
    assert_eq!(cache.found(broken.id).await.unwrap(), None);
    assert_eq!(cache.found(odd.id).await.unwrap(), None);
    assert_eq!(cache.found(sane.id).await.unwrap(), Some(sane), "Redis is not away for that");
    // Whoever reads Postgres now mends them.
    for view in [broken, odd] {
        cache.put(&view).await.unwrap();
        assert_eq!(cache.found(view.id).await.unwrap(), Some(view));
    }
}

/// The refresher writes what comes, whatever lies under the keys.
#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_does_not_stop_the_refresher() {
    let prefix = format!("{}:", unique("cache"));
    let url = &servers().redis_url;
    let cache = RedisCache::connect(url.as_str(), &prefix).unwrap();
    recovered(&cache).await;
    let mut raw = raw(url).await;
    let views: Vec<WalletView> = (0..6).map(|_| wallet(7)).collect();
    let key = |n: usize| format!("{prefix}w2:{}", views[n].id);
    for view in &views {
        cache.put(view).await.unwrap();
    }
    let _: () = raw.set(key(0), "not a hash").await.unwrap();
    let _: () = raw.del(key(1)).await.unwrap();
    let _: () = raw.lpush(key(1), 1).await.unwrap();
    let _: () = raw.hset(key(2), "version", "seven").await.unwrap();
    let _: () = raw.hset(key(3), "status_version", "").await.unwrap();
    let _: () = raw.hdel(key(4), "life").await.unwrap();
    let parts: Vec<_> =
        views.iter().flat_map(|view| [money_part(view, 6), status_part(view, status(1))]).collect();
    let known = cache.refresh(&parts).await.unwrap();
    assert_eq!(known[10..], [Some(7), Some(1)], "this one could be read");
    for view in &views[..5] {
        let replaced = WalletView { money: money(6), ..*view };
        assert_eq!(cache.found(view.id).await.unwrap(), Some(replaced));
    }
    assert_eq!(cache.found(views[5].id).await.unwrap(), Some(views[5]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_is_away_is_an_error_at_once_until_it_is_back() {
    let server = OwnServer::redis().await;
    let cache = redis(server.address()).await;
    let view = wallet(1);
    cache.put(&view).await.unwrap();
    server.kill().await;
    assert!(cache.found(view.id).await.is_err());
    let began = Instant::now();
    for _ in 0..1_000 {
        assert!(cache.found(view.id).await.is_err());
    }
    assert!(began.elapsed() < Duration::from_millis(200), "{:?} for a thousand reads", began.elapsed());
    assert!(cache.put(&view).await.is_err());
    assert!(cache.refresh(&[money_part(&view, 2)]).await.is_err());
    assert!(cache.ping().await.is_err());
    server.start().await;
    recovered(&cache).await;
    assert_eq!(cache.found(view.id).await.unwrap(), None, "it has lost everything");
    cache.put(&view).await.unwrap();
    assert_eq!(cache.found(view.id).await.unwrap(), Some(view));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_is_away_at_the_start_is_found_later() {
    let server = OwnServer::redis().await;
    server.stop().await;
    let cache = RedisCache::connect(server.address(), "late:").unwrap();
    assert!(cache.ping().await.is_err());
    server.start().await;
    recovered(&cache).await;
    assert!(RedisCache::connect("no address", "").is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_freezes_costs_half_a_second_once() {
    let server = OwnServer::redis().await;
    let cache = redis(server.address()).await;
    let view = wallet(1);
    cache.put(&view).await.unwrap();
    server.freeze().await;
    let began = Instant::now();
    let reads: Vec<_> = (0..50)
        .map(|_| {
            let cache = Arc::clone(&cache);
            tokio::spawn(async move { cache.found(view.id).await.is_err() })
        })
        .collect();
    for read in reads {
        assert!(read.await.unwrap());
    }
    assert!(began.elapsed() < Duration::from_millis(700), "{:?}", began.elapsed());
    let mut slowest = Duration::ZERO;
    let until = Instant::now() + Duration::from_secs(3);
    while Instant::now() < until {
        let began = Instant::now();
        assert!(cache.found(view.id).await.is_err());
        slowest = slowest.max(began.elapsed());
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert!(slowest < Duration::from_millis(100), "while it is frozen nobody waits for it: {slowest:?}");
    server.thaw().await;
    recovered(&cache).await;
    assert_eq!(
        cache.found(view.id).await.unwrap(),
        Some(view),
        "it is the same run, and has forgotten nothing"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn flushed_scripts_are_loaded_again() {
    let server = OwnServer::redis().await;
    let cache = redis(server.address()).await;
    let mut raw = raw(server.address()).await;
    let view = wallet(1);
    cache.put(&view).await.unwrap();
    let _: () = redis::cmd("SCRIPT").arg("FLUSH").query_async(&mut raw).await.unwrap();
    let parts: Vec<_> = (2..200).map(|version| money_part(&view, version)).collect();
    cache.refresh(&parts).await.unwrap();
    assert_eq!(cache.found(view.id).await.unwrap(), Some(WalletView { money: money(199), ..view }));
}

/// A Redis that writes copies of its data to disk comes back with one of them after a crash.
#[tokio::test(flavor = "multi_thread")]
async fn what_an_earlier_run_of_redis_remembered_is_not_believed() {
    let server = OwnServer::redis().await;
    let cache = redis(server.address()).await;
    let mut raw = raw(server.address()).await;
    let (view, other) = (wallet(5), wallet(5));
    for view in [view, other] {
        cache.put(&view).await.unwrap();
    }
    let _: () = redis::cmd("SAVE").query_async(&mut raw).await.unwrap();
    cache.refresh(&[money_part(&view, 9), money_part(&other, 9)]).await.unwrap();
    server.kill().await;
    server.start().await;
    recovered(&cache).await;
    let mut raw = self::raw(server.address()).await;
    let keys: Vec<String> = raw.keys("*").await.unwrap();
    assert_eq!(keys.len(), 2, "it has read the copy");
    assert_eq!(cache.found(view.id).await.unwrap(), None, "the copy is older than what was refreshed since");
    // What is written now counts, and nothing of the copy beside it.
    cache.refresh(&[money_part(&view, 6), money_part(&other, 4)]).await.unwrap();
    assert_eq!(cache.found(view.id).await.unwrap(), None, "the status is the copy's");
    cache.refresh(&[status_part(&view, status(1)), status_part(&other, status(1))]).await.unwrap();
    assert_eq!(cache.found(view.id).await.unwrap(), Some(WalletView { money: money(6), ..view }));
    assert_eq!(cache.found(other.id).await.unwrap(), Some(WalletView { money: money(4), ..other }));
}
