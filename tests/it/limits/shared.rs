//! Several servers count together through Redis, and each alone while it is away.

use std::time::Duration;

use redis::AsyncCommands;

use super::{assert_limited, refused, service, wire};
use crate::support::{own_server::OwnServer, servers::servers, wait::until};

/// The sums of all subjects of a class; 0: Redis has none, or does not answer.
async fn sum(redis_url: &str, prefix: &str, class: &str) -> i64 {
    let client = redis::Client::open(redis_url).expect("a URL");
    let Ok(mut redis) = client.get_multiplexed_async_connection().await else { return 0 };
    let keys: Vec<String> = redis.keys(format!("{prefix}rl:{class}:*")).await.unwrap_or_default();
    let mut sum = 0;
    for key in keys {
        sum += redis.get::<_, i64>(&key).await.expect("a count");
        let lives: i64 = redis.ttl(&key).await.expect("an end");
        assert!((1..=3 * 3_600).contains(&lives), "{key} lives for {lives} s");
    }
    sum
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_servers_reach_a_quota_together() {
    const QUOTA: i64 = 100;
    let service = service(2, &[("RATE_LIMIT_REFUSALS", "100/h")]).await;
    let here = wire(&service).enabled().await;
    let there = crate::contract::wire::Wire { base: service.servers[1].base.clone(), ..here.clone() };
    for customer in [&here, &there] {
        for _ in 0..QUOTA / 2 {
            assert_eq!(refused(customer).await.status, 400);
        }
    }
    let prefix = &service.settings["REDIS_PREFIX"];
    until("both have sent what they counted", Duration::from_secs(20), async || {
        (sum(&servers().redis_url, prefix, "refusals").await == QUOTA).then_some(())
    })
    .await;
    for customer in [&here, &there] {
        let limited = until("the quota is used up", Duration::from_secs(20), async || {
            let reply = refused(customer).await;
            (reply.status == 429).then_some(reply)
        });
        assert_limited(&limited.await);
    }
    let stored = service.db.number("select count(*) from transactions where status = 2").await;
    // Alone, each would have stored its own hundred.
    assert!((QUOTA..3 * QUOTA / 2).contains(&stored), "{stored}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_redis_is_away_each_server_counts_alone_and_nobody_waits_or_fails() {
    let redis = OwnServer::redis().await;
    let service = service(1, &[("REDIS_URL", redis.address()), ("RATE_LIMIT_REFUSALS", "4/h")]).await;
    let prefix = &service.settings["REDIS_PREFIX"];
    let known = async |customers: i64| {
        let found = sum(redis.address(), prefix, "refusals").await;
        (found >= customers).then_some(())
    };
    let [first, second, third] = [0; 3].map(|_| wire(&service));
    let (first, second, third) = (first.enabled().await, second.enabled().await, third.enabled().await);
    assert_eq!(first.deposit(100).await.status, 201);
    assert_eq!(refused(&first).await.status, 400);
    until("Redis has it", Duration::from_secs(20), async || known(1).await).await;
    redis.kill().await;
    for _ in 0..3 {
        assert_eq!(refused(&first).await.status, 400, "what was counted before is known");
    }
    assert_limited(&refused(&first).await);
    assert_eq!(first.withdraw(100, uuid::Uuid::new_v4()).await.status, 201);
    redis.start().await;
    // A restarted Redis has forgotten the counts; this process has not.
    assert_limited(&refused(&first).await);
    for _ in 0..4 {
        assert_eq!(refused(&second).await.status, 400);
    }
    until("Redis counts again", Duration::from_secs(20), async || known(4).await).await;
    redis.freeze().await;
    for _ in 0..4 {
        assert_eq!(refused(&third).await.status, 400);
    }
    assert_limited(&refused(&third).await);
    assert_limited(&refused(&second).await);
    redis.thaw().await;
}
