//! Kafka, Redis and Postgres stopped, crashed, frozen and cut off while money moves.

mod kafka;
mod postgres;
mod redis;

use std::time::Duration;

use serde_json::json;

use super::support::{
    books::Books,
    customer::Answer,
    load::{Load, Manner, MoneyRequest, Reply},
    process::Server,
    service::Service,
    topic::tell_the_books,
    wait::until,
};

const MANNER: Manner =
    Manner { retries: false, pause: Duration::from_millis(40), timeout: Duration::from_secs(30) };
/// How long a server may take to find back what it had lost.
const RECOVERY: Duration = Duration::from_secs(30);

async fn health(base: &str) -> Answer {
    Answer::of(crate::support::client::get(format!("{base}/health")).await.expect("an answer")).await
}

async fn is(base: &str, word: &str) {
    until(&format!("the service is {word}"), RECOVERY, async || {
        (health(base).await.body["data"]["status"] == word).then_some(())
    })
    .await;
}

/// How many balances were read from there so far.
async fn reads_from(base: &str, place: &str) -> u64 {
    let page = crate::support::client::get(format!("{base}/metrics"))
        .await
        .expect("the page")
        .text()
        .await
        .expect("text");
    let name = format!("wallet_balance_reads_total{{from=\"{place}\"}} ");
    page.lines().find_map(|line| line.strip_prefix(&name)?.parse().ok()).unwrap_or(0)
}

/// Stops the clients. What they were told is in the books and in the topic, and the cache shows it.
async fn end_well(loads: impl IntoIterator<Item = Load>, service: &Service) -> Vec<MoneyRequest> {
    let mut all = Vec::new();
    let mut customers = Vec::new();
    for load in loads {
        customers.clone_from(&load.customers);
        all.extend(load.stop().await);
    }
    Books::read(&service.settings["DATABASE_URL"]).await.explain(&all);
    tell_the_books(&service.settings).await;
    for Server { base, .. } in &service.servers {
        is(base, "ok").await;
        for (customer, heard) in &customers {
            let customer = customer.at(base);
            let last = heard.lock().unwrap().iter().map(|(_, version)| *version).max().unwrap_or(0);
            let balance = customer.balance(last).await;
            until("the cache shows what the books have", RECOVERY, async || {
                let before = reads_from(base, "cache").await;
                let shown = customer.get("/wallet").await.body["data"]["wallet"]["balance"] == json!(balance);
                (shown && reads_from(base, "cache").await > before).then_some(())
            })
            .await;
        }
    }
    all
}

fn none_failed(all: &[MoneyRequest]) {
    let failed =
        all.iter().find(|asked| matches!(asked.attempts[0].reply, Reply::Other(..) | Reply::Nothing(_)));
    assert!(failed.is_none(), "money did not move: {failed:?}");
}
