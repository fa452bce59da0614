//! The rules of the balance cache, for Redis and for the one inside the process.

use std::{sync::Arc, time::Duration};

use wallet::{
    adapters::{in_process::InProcessCache, redis::RedisCache},
    cache::{BalanceCache, MoneyView, NextRelease, StatusView, ViewPart, WalletView},
};

use crate::support::{
    bus::unique,
    servers::servers,
    views::{Untroubled, moment, money, money_part, status, status_part, wallet},
};

macro_rules! for_each_cache {
    ($($rule:ident),+ $(,)?) => {
        mod redis_cache {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $rule() {
                super::$rule(super::redis(&super::servers().redis_url).await).await;
            })+
        }
        mod in_process_cache {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $rule() {
                super::$rule(std::sync::Arc::new(super::InProcessCache::default())).await;
            })+
        }
    };
}

for_each_cache!(
    what_was_filled_is_found,
    a_wallet_that_nobody_told_of_is_a_miss,
    half_a_view_is_a_miss,
    each_part_is_replaced_only_by_a_newer_one,
    an_old_fill_replaces_nothing,
    of_many_writers_at_once_the_newest_wins,
    a_status_told_twice_keeps_every_moment,
    an_enabled_wallet_without_its_moment_is_a_miss,
    a_next_release_that_is_not_known_is_completed_by_who_knows_it,
    the_largest_balance_is_exact,
    many_parts_go_at_once,
);

/// A cache in Redis that is connected.
pub async fn redis(url: &str) -> Arc<RedisCache> {
    let cache = RedisCache::connect(url, &format!("{}:", unique("cache"))).unwrap();
    while cache.ping().await.is_err() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Arc::new(cache)
}

async fn what_was_filled_is_found(cache: Arc<dyn BalanceCache>) {
    for view in [wallet(0), wallet(7), WalletView { status: status(2), ..wallet(3) }] {
        cache.put(&view).await.unwrap();
        assert_eq!(cache.found(view.id).await.unwrap(), Some(view));
    }
    // Never enabled, never used.
    let status = StatusView { enabled: false, frozen: true, enabled_at: None, disabled_at: None, version: 0 };
    let view = WalletView { status, ..wallet(0) };
    cache.put(&view).await.unwrap();
    assert_eq!(cache.found(view.id).await.unwrap(), Some(view));
}

async fn a_wallet_that_nobody_told_of_is_a_miss(cache: Arc<dyn BalanceCache>) {
    assert_eq!(cache.found(wallet(1).id).await.unwrap(), None);
    cache.refresh(&[]).await.unwrap();
}

async fn half_a_view_is_a_miss(cache: Arc<dyn BalanceCache>) {
    let (only_money, only_status) = (wallet(1), wallet(1));
    cache.refresh(&[money_part(&only_money, 1), status_part(&only_status, status(1))]).await.unwrap();
    assert_eq!(cache.found(only_money.id).await.unwrap(), None);
    assert_eq!(cache.found(only_status.id).await.unwrap(), None);
    // The other halves make them whole.
    cache.refresh(&[status_part(&only_money, status(1)), money_part(&only_status, 1)]).await.unwrap();
    assert_eq!(cache.found(only_money.id).await.unwrap(), Some(only_money));
    assert_eq!(cache.found(only_status.id).await.unwrap(), Some(only_status));
}

async fn each_part_is_replaced_only_by_a_newer_one(cache: Arc<dyn BalanceCache>) {
    let view = wallet(9);
    cache.put(&view).await.unwrap();
    cache.refresh(&[money_part(&view, 8), status_part(&view, status(0))]).await.unwrap();
    assert_eq!(cache.found(view.id).await.unwrap(), Some(view));
    // Versions are numbers, not text: 10 is above 9.
    cache.refresh(&[money_part(&view, 10)]).await.unwrap();
    let newer = WalletView { money: money(10), ..view };
    assert_eq!(cache.found(view.id).await.unwrap(), Some(newer));
    cache.refresh(&[status_part(&view, status(2))]).await.unwrap();
    assert_eq!(cache.found(view.id).await.unwrap(), Some(WalletView { status: status(2), ..newer }));
}

async fn an_old_fill_replaces_nothing(cache: Arc<dyn BalanceCache>) {
    let view = wallet(5);
    cache.put(&view).await.unwrap();
    cache.refresh(&[money_part(&view, 6), status_part(&view, status(2))]).await.unwrap();
    // A reader that read Postgres before both and comes late.
    cache.put(&view).await.unwrap();
    let newest = WalletView { money: money(6), status: status(2), ..view };
    assert_eq!(cache.found(view.id).await.unwrap(), Some(newest));
    // One part older, the other newer.
    cache.put(&WalletView { money: money(5), status: status(3), ..view }).await.unwrap();
    assert_eq!(cache.found(view.id).await.unwrap(), Some(WalletView { status: status(3), ..newest }));
}

async fn of_many_writers_at_once_the_newest_wins(cache: Arc<dyn BalanceCache>) {
    let views: Vec<WalletView> = (0..20).map(|_| wallet(0)).collect();
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..16 {
        let (cache, views) = (Arc::clone(&cache), views.clone());
        writers.spawn(async move {
            for step in 0..25 {
                // Every writer goes through the versions in another order.
                let version = (step * 7 + writer * 3) % 25 + 1;
                let view = views[usize::try_from(step + writer).unwrap() % views.len()];
                if writer % 2 == 0 {
                    cache
                        .put(&WalletView { money: money(version), status: status(version), ..view })
                        .await
                        .unwrap();
                } else {
                    let parts = [money_part(&view, version), status_part(&view, status(version))];
                    cache.refresh(&parts).await.unwrap();
                }
                let seen = cache.found(view.id).await.unwrap().unwrap();
                assert!(
                    seen.money.version >= version && seen.status.version >= version,
                    "{version}: {seen:?}"
                );
                assert_eq!(
                    (seen.money, seen.status),
                    (money(seen.money.version), status(seen.status.version))
                );
            }
        });
    }
    while let Some(writer) = writers.join_next().await {
        writer.unwrap();
    }
    for view in views {
        cache.put(&WalletView { money: money(26), status: status(27), ..view }).await.unwrap();
        cache.put(&WalletView { money: money(25), status: status(25), ..view }).await.unwrap();
        let newest = WalletView { money: money(26), status: status(27), ..view };
        assert_eq!(cache.found(view.id).await.unwrap(), Some(newest));
    }
}

async fn a_status_told_twice_keeps_every_moment(cache: Arc<dyn BalanceCache>) {
    let view = wallet(1);
    // Postgres knows when it was disabled before; the event does not, and comes second.
    let full = StatusView { disabled_at: Some(moment(0)), ..status(3) };
    cache.put(&WalletView { status: full, ..view }).await.unwrap();
    cache.refresh(&[status_part(&view, status(3))]).await.unwrap();
    assert_eq!(cache.found(view.id).await.unwrap().unwrap().status, full);
    // The other way round.
    let other = wallet(1);
    cache.refresh(&[status_part(&other, status(3)), money_part(&other, 1)]).await.unwrap();
    assert_eq!(cache.found(other.id).await.unwrap().unwrap().status, status(3));
    cache.put(&WalletView { status: full, ..other }).await.unwrap();
    assert_eq!(cache.found(other.id).await.unwrap().unwrap().status, full);
    // A newer one does not need the old moment, and does not keep it.
    cache.refresh(&[status_part(&other, status(4))]).await.unwrap();
    assert_eq!(cache.found(other.id).await.unwrap().unwrap().status, status(4));
}

async fn an_enabled_wallet_without_its_moment_is_a_miss(cache: Arc<dyn BalanceCache>) {
    let view = wallet(1);
    let unknown = StatusView { enabled_at: None, ..status(1) };
    cache.refresh(&[money_part(&view, 1), status_part(&view, unknown)]).await.unwrap();
    assert_eq!(cache.found(view.id).await.unwrap(), None);
    cache.put(&view).await.unwrap();
    assert_eq!(cache.found(view.id).await.unwrap(), Some(view), "who knows the moment completes it");
}

async fn a_next_release_that_is_not_known_is_completed_by_who_knows_it(cache: Arc<dyn BalanceCache>) {
    let view = wallet(1);
    cache.put(&view).await.unwrap();
    let known = MoneyView { version: view.money.version + 1, ..view.money };
    let unknown = MoneyView { next_release: NextRelease::Unknown, ..known };
    let part = |money| (view.id, ViewPart::Money { owner: view.owner, currency: view.currency, money });
    cache.refresh(&[part(unknown)]).await.unwrap();
    assert_eq!(cache.found(view.id).await.unwrap(), None);
    let next = WalletView { money: known, ..view };
    cache.put(&next).await.unwrap();
    assert_eq!(cache.found(view.id).await.unwrap(), Some(next));
    cache.refresh(&[part(unknown)]).await.unwrap();
    assert_eq!(cache.found(view.id).await.unwrap(), Some(next), "the same event again takes nothing away");
}

async fn the_largest_balance_is_exact(cache: Arc<dyn BalanceCache>) {
    let largest = MoneyView {
        available: 9_007_199_254_740_991,
        held: 9_007_199_254_740_989,
        unreleased: 1,
        next_release: NextRelease::At(moment(1)),
        version: 9_007_199_254_740_990,
    };
    let view = WalletView { money: largest, ..wallet(0) };
    cache.put(&view).await.unwrap();
    assert_eq!(cache.found(view.id).await.unwrap(), Some(view));
    let next = WalletView { money: MoneyView { version: largest.version + 1, ..largest }, ..view };
    cache.put(&next).await.unwrap();
    assert_eq!(cache.found(view.id).await.unwrap(), Some(next), "the largest versions are told apart");
}

async fn many_parts_go_at_once(cache: Arc<dyn BalanceCache>) {
    let views: Vec<WalletView> = (0..600).map(|_| wallet(3)).collect();
    let parts: Vec<_> =
        views.iter().flat_map(|view| [money_part(view, 3), status_part(view, status(1))]).collect();
    let began = std::time::Instant::now();
    cache.refresh(&parts).await.unwrap();
    println!("1,200 parts in {:?}", began.elapsed());
    for view in views {
        assert_eq!(cache.found(view.id).await.unwrap(), Some(view));
    }
}

/// Other processes change wallets too, and nothing tells this cache of it.
#[tokio::test]
async fn in_this_process_each_part_is_forgotten_after_two_seconds() {
    let cache = InProcessCache::default();
    let view = wallet(1);
    cache.put(&view).await.unwrap();
    for version in 2..6 {
        tokio::time::sleep(Duration::from_millis(500)).await;
        cache.refresh(&[money_part(&view, version)]).await.unwrap();
    }
    assert_eq!(cache.found(view.id).await.unwrap(), None, "the status was told two seconds ago");
    cache.refresh(&[status_part(&view, view.status)]).await.unwrap();
    assert_eq!(cache.found(view.id).await.unwrap(), Some(WalletView { money: money(5), ..view }));
    tokio::time::sleep(Duration::from_millis(2_100)).await;
    assert_eq!(cache.found(view.id).await.unwrap(), None);
}
