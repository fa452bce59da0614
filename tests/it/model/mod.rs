//! The model: many clients ask two servers for anything at random, hang up and ask again, while one server after the
//! other is killed, and the bank is away for a while. What the books say has happened is replayed through an oracle that knows the rules and nothing of the
//! code, and every answer must fit in somewhere between its question and itself.
//!
//! `MODEL_SEED=… cargo test --test it -- model` has the same clients ask the same again, but for the holds that they end:
//! those are the last ones that the service has placed.

mod asked;
mod bank;
mod books;
mod clients;
mod effects;
mod explain;
mod operation;
mod oracle;
pub mod random;
mod rows;
mod shown;
mod think;
mod told;
mod waiting;

use std::{
    collections::BTreeMap,
    env,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::task::JoinSet;
use uuid::Uuid;
use wallet::simulated_bank::{Mode, SimulatedBank};

use self::{
    asked::Asked,
    books::History,
    clients::{Asker, Shared},
    explain::explain,
    operation::Kind,
    random::Random,
    shown::shown,
};
use super::support::{
    bank::{all_end, servers_with_bank, settings_of},
    customer::Customer,
    process::Server,
    service::Service,
    tokens::shop,
    wait::until,
};

/// Few customers, so that they are in each other's way.
const CUSTOMERS: usize = 5;
/// Each customer is several clients at once.
const CLIENTS: usize = 4;
/// So many requests each.
const REQUESTS: usize = 120;
/// The number of ended requests, of all clients, at which each server is killed, once.
const KILLED_AT: [usize; 2] = [CUSTOMERS * CLIENTS * REQUESTS / 3, CUSTOMERS * CLIENTS * REQUESTS * 2 / 3];

/// What becomes due in the run; the rest becomes so much later.
const DUE_SOON: &str = "\
select count(*) from (select due_at from releases where closed_by is null
                      union all select expires_at from holds where closed_by is null) open
where due_at < now() + interval '10 minutes'";

/// What somebody must have been refused by. A run that met nothing would prove nothing.
const REFUSALS: [&str; 12] = [
    "insufficient_funds",
    "wallet_disabled",
    "recipient_unavailable",
    "duplicate_reference",
    "already_enabled",
    "self_transfer",
    "validation_failed",
    "not_found",
    "hold_captured",
    "hold_voided",
    "hold_expired",
    "hold_exceeded",
];

fn seed() -> u64 {
    let given = env::var("MODEL_SEED").ok().map(|seed| seed.parse().expect("MODEL_SEED is a number"));
    given.unwrap_or_else(|| Uuid::new_v4().as_u64_pair().0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_is_explained_by_some_order_of_what_happened() {
    let seed = seed();
    println!("MODEL_SEED={seed}");
    let (mut service, bank) = servers_with_bank(2, &[("KAFKA_BROKERS", ""), ("REDIS_URL", "")]).await;
    let mut everybody = Vec::new();
    for _ in 0..CUSTOMERS {
        everybody.push(Customer::enabled(&service.servers[0].base).await);
    }
    let shared = Arc::new(Shared {
        shop: shop(&service.settings, &everybody[0]).token,
        everybody,
        bases: Mutex::new(bases(&service)),
        ended: AtomicUsize::default(),
        holds: Mutex::default(),
    });
    let all = work(seed, &mut service, &bank, &shared).await;
    all_end(&service.db).await;
    until("what was due is booked", Duration::from_secs(20), async || {
        (service.db.number(DUE_SOON).await == 0).then_some(())
    })
    .await;
    let history = History::read(&service.db.url).await;
    let explained = explain(&history, &all);
    bank::has_paid(&history, &bank, &service.db).await;
    for server in &service.servers {
        let everybody: Vec<Customer> =
            shared.everybody.iter().map(|customer| customer.at(&server.base)).collect();
        let shop = Customer { token: shared.shop.clone(), ..everybody[0].clone() };
        shown(&history, &shop, &everybody).await;
    }
    let lost: usize = all.iter().map(Asked::lost).sum();
    let replayed = all.iter().flat_map(Asked::answers).filter(|(_, answer)| answer.replayed).count();
    let booked = booked(&history);
    println!(
        "{} asked, {lost} answers lost, {replayed} replayed, booked: {booked:?}, refused: {:?}",
        all.len(),
        explained.refusals
    );
    for code in REFUSALS {
        assert!(explained.refusals.contains_key(code), "nobody was refused by {code}");
    }
    for (kind, to_a_wallet) in [
        (Kind::Release, false),
        (Kind::Capture, false),
        (Kind::Capture, true),
        (Kind::Void, false),
        (Kind::Expiry, false),
        (Kind::Payout, false),
        (Kind::PayoutSettled, false),
        (Kind::PayoutReturned, false),
        (Kind::PayoutReversal, false),
    ] {
        assert!(booked.contains_key(&(kind, to_a_wallet)), "no {kind:?} was booked");
    }
    assert!(lost > 0 && replayed > 0, "nobody hung up, or nobody asked again");
}

/// How often each kind was booked, to another wallet or not.
fn booked(history: &History) -> BTreeMap<(Kind, bool), usize> {
    let mut booked = BTreeMap::new();
    for step in &history.steps {
        *booked.entry((step.operation.kind, step.operation.to.is_some())).or_default() += 1;
    }
    booked
}

fn bases(service: &Service) -> Vec<String> {
    service.servers.iter().map(|server| server.base.clone()).collect()
}

/// Has the clients work at both servers, which are killed and started again on the way, one after the other: so the workers
/// die as well. In between the bank is away.
async fn work(seed: u64, service: &mut Service, bank: &SimulatedBank, shared: &Arc<Shared>) -> Vec<Asked> {
    let mut random = Random::new(seed);
    let mut clients = JoinSet::new();
    for number in 0..CUSTOMERS * CLIENTS {
        let asker = Asker {
            http: crate::support::client::builder().build().expect("a client"),
            random: Random::new(random.next()),
            customer: shared.everybody[number % CUSTOMERS].clone(),
            shared: Arc::clone(shared),
            count: REQUESTS,
            number,
        };
        clients.spawn(asker.run());
    }
    for (server, (killed_at, mode)) in KILLED_AT.into_iter().zip([Mode::Down, Mode::Up]).enumerate() {
        until("the clients are at work", Duration::from_secs(60), async || {
            (shared.ended.load(Ordering::Relaxed) >= killed_at).then_some(())
        })
        .await;
        service.servers[server].signal("KILL");
        // Until then it has the port.
        service.servers[server].ended(Duration::from_secs(20));
        service.servers[server] = Server::start(&settings_of(service, server));
        bank.set_mode(mode).await;
        *shared.bases.lock().unwrap() = bases(service);
    }
    clients.join_all().await.into_iter().flatten().collect()
}
