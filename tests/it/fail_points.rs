//! The server dies between any two steps of the posting loop and of the relay, and is started again: nothing is lost,
//! nothing is doubled, and chain and topic are whole. Release builds have no such places, and no such test.

mod due;

use std::{
    os::unix::process::ExitStatusExt,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use chrono::{TimeDelta, Utc};
use reqwest::Method;
use serde_json::json;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use wallet::fail_point::ALL;

use super::support::{
    app::Settings,
    books::Books,
    customer::Customer,
    load::{Load, Manner, Reply},
    process::Server,
    service::Service,
    tokens::shop,
    topic::tell_the_books,
};

/// How long a place may take to be passed. One that is never passed is none.
const PASSED_WITHIN: Duration = Duration::from_secs(20);
/// `abort`.
const SIGABRT: i32 = 6;

/// Each place, at which time that it is passed the process dies, and whether statuses change beside the money. The
/// relay of the money dies when nothing else has much to relay, that of the statuses among the others.
fn rounds() -> Vec<(&'static str, usize, bool)> {
    // Those of payouts are passed in payout_faults.rs.
    let places = ALL.iter().filter(|name| !name.contains("payout"));
    let (relay, posting): (Vec<&str>, Vec<&str>) = places.partition(|name| name.starts_with("relay."));
    // Sometimes the first time, just after a start, sometimes under way.
    let mut rounds: Vec<_> = posting
        .into_iter()
        .zip([1, 2, 7].into_iter().cycle())
        .map(|(name, time)| (name, time, true))
        .collect();
    rounds.extend(relay.iter().map(|name| (*name, 9, false)));
    rounds.extend(relay.iter().map(|name| (*name, 1, true)));
    rounds
}

fn armed(settings: &Settings, name: &str, time: usize) -> Settings {
    let mut settings = settings.clone();
    settings.insert("FAIL_POINT".to_owned(), format!("{name}:{time}"));
    settings
}

/// Disables and enables a wallet again and again, wherever the service is, so that statuses change as well.
async fn change_statuses(
    customer: Customer,
    base: Arc<Mutex<String>>,
    at_work: Arc<AtomicBool>,
    stop: CancellationToken,
) {
    while !stop.is_cancelled() {
        sleep(Duration::from_millis(10)).await;
        if !at_work.load(Ordering::Relaxed) {
            continue;
        }
        let here = customer.at(&base.lock().unwrap().clone());
        let _ = here.try_send(Method::PATCH, "/wallet", json!({"is_disabled": true})).await;
        let _ = here.try_send(Method::POST, "/wallet", json!({})).await;
    }
}

/// Places holds on a wallet and ends them, some at once, wherever the service is; answers with the holds whose end was answered, and
/// with the step that it was.
async fn hold_and_end(
    shop: Customer,
    base: Arc<Mutex<String>>,
    stop: CancellationToken,
) -> Vec<(String, &'static str)> {
    let mut ended = Vec::new();
    for n in 0_u64.. {
        if stop.is_cancelled() {
            break;
        }
        sleep(Duration::from_millis(5)).await;
        let here = shop.at(&base.lock().unwrap().clone());
        let expires_at = (Utc::now() + TimeDelta::milliseconds(300)).to_rfc3339();
        let body = json!({
            "wallet": shop.wallet, "amount": 1 + n % 50, "reference_id": Uuid::new_v4(), "expires_at": expires_at,
        });
        let Ok(placed) = here.try_send(Method::POST, "/holds", body).await else { continue };
        let Some(hold) = placed.body["data"]["hold"]["id"].as_str() else { continue };
        let (path, body, step) = match n % 3 {
            0 => ("capture", json!({"reference_id": Uuid::new_v4()}), "captured"),
            1 => ("void", json!({}), "voided"),
            // It expires.
            _ => continue,
        };
        if let Ok(answer) = here.try_send(Method::POST, &format!("/holds/{hold}/{path}"), body).await
            && answer.status == 200
        {
            ended.push((hold.to_owned(), step));
        }
    }
    ended
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_dies_between_any_two_steps_loses_and_doubles_nothing() {
    let mut service = Service::of(1, &[]).await;
    let load = Load::start(&service.servers[0].base, 4, Manner::default()).await;
    let switching = Customer::enabled(&service.servers[0].base).await;
    let (stop, change) = (CancellationToken::new(), Arc::new(AtomicBool::new(true)));
    let statuses =
        tokio::spawn(change_statuses(switching, Arc::clone(&load.base), Arc::clone(&change), stop.clone()));
    let holder = Customer::enabled(&service.servers[0].base).await;
    assert_eq!(holder.deposit(1_000_000).await.status, 201);
    let shop = shop(&service.settings, &holder);
    let holding = tokio::spawn(hold_and_end(shop, Arc::clone(&load.base), stop.clone()));
    load.goes_on(20).await;
    for (name, time, statuses_change) in rounds() {
        let since = Instant::now();
        change.store(statuses_change, Ordering::Relaxed);
        // The one before serves what it accepted until it is gone; what it leaves open is asked again.
        service.servers[0].signal("KILL");
        service.servers[0] = Server::start(&armed(&service.settings, name, time));
        load.move_to(&service.servers[0].base);
        let server = &mut service.servers[0];
        let ended = tokio::task::block_in_place(|| server.ended(PASSED_WITHIN));
        assert_eq!(ended.signal(), Some(SIGABRT), "{name}: {ended:?}");
        // What its death left behind is whole before anybody mends it.
        Books::read(&service.db.url).await;
        service.servers[0] = Server::start(&service.settings);
        load.move_to(&service.servers[0].base);
        load.goes_on(20).await;
        println!("{name}:{} took {:?}", time, since.elapsed());
    }
    stop.cancel();
    statuses.await.expect("statuses change");
    let ended = holding.await.expect("holds are placed");
    let all = load.stop().await;
    let attempts = || all.iter().flat_map(|asked| &asked.attempts);
    let unanswered = attempts().filter(|attempt| matches!(attempt.reply, Reply::Nothing(_))).count();
    let replayed = attempts().filter(|attempt| attempt.replayed).count();
    println!("{} asked, {unanswered} answers lost, {replayed} told again", all.len());
    assert!(unanswered > ALL.len(), "the clients were at work when the server died");
    assert!(replayed > 0, "no answer was lost after its commit");
    Books::read(&service.db.url).await.without(holder.wallet).explain(&all);
    assert!(ended.len() > 20, "{ended:?}");
    for (hold, step) in &ended {
        let kind = if *step == "captured" { 7 } else { 10 };
        let steps =
            format!("select count(*) from steps where transaction_id = '{hold}' and kind = {kind} and n = 2");
        assert_eq!(service.db.number(&steps).await, 1, "{hold} was {step}");
    }
    tell_the_books(&service.settings).await;
}
