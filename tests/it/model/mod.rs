//! The model: many clients ask two servers for anything at random, hang up and ask again, while a server is killed. What
//! the books say has happened is replayed through an oracle that knows the rules and nothing of the code, and every
//! answer must fit in somewhere between its question and itself.
//!
//! `MODEL_SEED=… cargo test --test it -- model` has the same clients ask the same again.

mod asked;
mod books;
mod clients;
mod effects;
mod explain;
mod oracle;
pub mod random;

use std::{
    env,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use reqwest::Client;
use tokio::task::JoinSet;
use uuid::Uuid;

use self::{asked::Asked, books::History, clients::Asker, explain::explain, random::Random};
use super::support::{customer::Customer, process::Server, service::Service, wait::until};

/// Few customers, so that they are in each other's way.
const CUSTOMERS: usize = 5;
/// Each customer is several clients at once.
const CLIENTS: usize = 4;
/// So many requests each.
const REQUESTS: usize = 120;
/// A server is killed when so many of all requests have ended.
const KILLED_AT: usize = CUSTOMERS * CLIENTS * REQUESTS / 3;

fn seed() -> u64 {
    let given = env::var("MODEL_SEED").ok().map(|seed| seed.parse().expect("MODEL_SEED is a number"));
    given.unwrap_or_else(|| Uuid::new_v4().as_u64_pair().0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_is_explained_by_some_order_of_what_happened() {
    let seed = seed();
    println!("MODEL_SEED={seed}");
    let mut service = Service::of(2, &[("KAFKA_BROKERS", ""), ("REDIS_URL", "")]).await;
    let mut everybody = Vec::new();
    for _ in 0..CUSTOMERS {
        everybody.push(Customer::enabled(&service.servers[0].base).await);
    }
    let all = work(seed, &mut service, Arc::new(everybody)).await;
    let history = History::read(&service.db.url).await;
    let explained = explain(&history, &all);
    let lost: usize = all.iter().map(Asked::lost).sum();
    let replayed = all.iter().flat_map(Asked::answers).filter(|(_, answer)| answer.replayed).count();
    println!(
        "{} asked, {} steps, {lost} answers lost, {replayed} told again, refused: {:?}",
        all.len(),
        history.steps.len(),
        explained.refusals
    );
    // A run that met nothing would prove nothing.
    for code in [
        "insufficient_funds",
        "wallet_disabled",
        "recipient_unavailable",
        "duplicate_reference",
        "already_enabled",
    ] {
        assert!(explained.refusals.contains_key(code), "nobody was refused by {code}");
    }
    assert!(lost > 0 && replayed > 0, "nobody hung up, or nobody asked again");
}

/// Has the clients work at both servers, one of which is killed and started again on the way.
async fn work(seed: u64, service: &mut Service, everybody: Arc<Vec<Customer>>) -> Vec<Asked> {
    let mut random = Random::new(seed);
    let bases = |service: &Service| service.servers.iter().map(|server| server.base.clone()).collect();
    let (here, ended) = (Arc::new(Mutex::new(bases(service))), Arc::new(AtomicUsize::new(0)));
    let mut clients = JoinSet::new();
    for number in 0..CUSTOMERS * CLIENTS {
        let asker = Asker {
            http: Client::builder().build().expect("a client"),
            random: Random::new(random.next()),
            customer: everybody[number % CUSTOMERS].clone(),
            everybody: Arc::clone(&everybody),
            bases: Arc::clone(&here),
            ended: Arc::clone(&ended),
            count: REQUESTS,
            number,
        };
        clients.spawn(asker.run());
    }
    until("the clients are at work", Duration::from_secs(60), async || {
        (ended.load(Ordering::Relaxed) >= KILLED_AT).then_some(())
    })
    .await;
    service.servers[0].signal("KILL");
    service.servers[0] = Server::start(&service.settings);
    *here.lock().unwrap() = bases(service);
    clients.join_all().await.into_iter().flatten().collect()
}
