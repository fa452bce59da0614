//! A simulated bank for a service of a test, and the comparison of the bank's book with the service's.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, time::Duration};

use serde_json::{Value, json};
use sqlx::Row as _;
use tokio::time::sleep;
use uuid::Uuid;
use wallet::{
    adapters::clock::SystemClock,
    simulated_bank::{CallbackSettings, SimulatedBank, SimulatedBankSettings, Status},
};

use super::{
    app::{Settings, TestApp},
    customer::Customer,
    database::TestDatabase,
    process::{Server, free_port},
    service::Service,
    wait::until,
};

const TOKEN: &str = "a-Token-of-the-tests-own-for-the-bank-0123456789";
pub const SECRET: &str = "whsec_YS1zZWNyZXQtb2YtdGhlLXRlc3RzLW93bi0wMTIzNDU2Nzg5";

/// The longest wait of a test, also on a slow machine: the bank may stall for ten seconds.
pub const LONG: Duration = Duration::from_secs(60);

/// An account that the bank pays at once.
pub const ORDINARY: &str = "0532013000";

/// Time goes on for the worker: what it waits for comes now, and claims end.
pub const LATER: &str = "update payout_attempts
set next_attempt_at = now(), leased_until = least(leased_until, now() - interval '1 millisecond') where not is_done";

/// Payouts that have not ended, or are still to come back.
const OPEN: &str = "\
select count(*) from payouts where closed_by is null or (account_number like '%9031' and reversed_by is null)";

/// Starts a bank whose callbacks go to this port.
pub async fn bank(port: u16) -> SimulatedBank {
    let url = format!("http://127.0.0.1:{port}/api/v1/bank/callbacks");
    let settings = SimulatedBankSettings {
        address: SocketAddr::from(([127, 0, 0, 1], 0)),
        token: TOKEN.to_owned(),
        callbacks: Some(CallbackSettings { url, secret: SECRET.to_owned() }),
        book: None,
        latency: Duration::ZERO,
        clock: Arc::new(SystemClock),
    };
    SimulatedBank::start(settings).await.expect("a bank")
}

/// The settings of a service on this port with this bank.
pub fn settings(bank: &SimulatedBank, port: u16) -> Vec<(&'static str, String)> {
    vec![
        ("PORT", port.to_string()),
        ("BANK_URL", bank.base().to_owned()),
        ("BANK_TOKEN", TOKEN.to_owned()),
        ("BANK_WEBHOOK_SECRET", SECRET.to_owned()),
    ]
}

/// A service with a bank, and some settings of the test's own.
pub async fn app_with_bank(changes: &[(&str, &str)]) -> (TestApp, SimulatedBank) {
    let port = free_port();
    let bank = bank(port).await;
    let own = settings(&bank, port);
    let mut all: Vec<(&str, &str)> = own.iter().map(|(name, value)| (*name, value.as_str())).collect();
    all.extend(changes);
    (TestApp::start_with(&all).await, bank)
}

/// This number of servers that share a bank, with some settings of the test's own. The bank's callbacks go to the first.
pub async fn servers_with_bank(count: usize, changes: &[(&str, &str)]) -> (Service, SimulatedBank) {
    let port = free_port();
    let bank = bank(port).await;
    let own = settings(&bank, port);
    let mut all: Vec<(&str, &str)> = own.iter().map(|(name, value)| (*name, value.as_str())).collect();
    all.extend(changes);
    let mut service = Service::of(0, &all).await;
    for number in 0..count {
        let server = Server::start(&settings_of(&service, number));
        service.servers.push(server);
    }
    (service, bank)
}

/// The settings of one of these servers: only the first has the port that the bank knows.
pub fn settings_of(service: &Service, number: usize) -> Settings {
    let mut settings = service.settings.clone();
    if number > 0 {
        settings.insert("PORT".to_owned(), "0".to_owned());
    }
    settings
}

/// The body of a payout to this account.
pub fn payout_body(amount: i64, account: &str) -> Value {
    json!({
        "amount": amount, "reference_id": Uuid::new_v4(), "bank_code": "044",
        "account_number": account, "account_name": "Ada Obi",
    })
}

/// Requests a payout; answers with its id.
pub async fn pay_out(customer: &Customer, amount: i64, account: &str) -> Uuid {
    let answer = customer.post("/wallet/payouts", payout_body(amount, account)).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    answer.body["data"]["payout"]["id"].as_str().expect("an id").parse().expect("a UUID")
}

/// A payout, as its customer sees it.
pub async fn payout(customer: &Customer, id: Uuid) -> Value {
    let answer = customer.get(&format!("/wallet/payouts/{id}")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body["data"]["payout"].clone()
}

/// Waits until a payout has this status.
pub async fn ends(customer: &Customer, id: Uuid, status: &str) -> Value {
    until(&format!("payout {id} is {status}"), LONG, async || {
        let payout = payout(customer, id).await;
        (payout["status"] == status).then_some(payout)
    })
    .await
}

/// Waits until the bank has nothing more to say of any payout, whatever the delays are.
pub async fn all_end(db: &TestDatabase) {
    until("the end of all payouts", LONG, async || {
        let open = db.number(OPEN).await;
        if open > 0 {
            db.run(LATER).await;
            sleep(Duration::from_millis(300)).await;
        }
        (open == 0).then_some(())
    })
    .await;
}

/// The bank's book and ours agree to the cent: no payment without a payout of its amount, none twice, none forgotten.
pub async fn agrees(bank: &SimulatedBank, db: &TestDatabase) {
    let mut conn = db.connect().await;
    let rows = sqlx::query(
        "select p.transaction_id, p.amount, coalesce(s.kind, 0::int2) as kind, p.reversed_by is not null as is_reversed
         from payouts p left join steps s on s.id = p.closed_by",
    )
    .fetch_all(&mut conn)
    .await
    .expect("payouts");
    let mut paid: BTreeMap<Uuid, (i64, Status)> =
        bank.entries().into_iter().map(|entry| (entry.id, (entry.amount, entry.status))).collect();
    for row in &rows {
        let id: Uuid = row.get("transaction_id");
        let at_the_bank = paid.remove(&id);
        let (kind, is_reversed): (i16, bool) = (row.get("kind"), row.get("is_reversed"));
        let expected = match (kind, is_reversed) {
            (13, false) => Some((row.get("amount"), Status::Settled)),
            (13, true) => Some((row.get("amount"), Status::Bounced)),
            // Rejected, or never sent.
            (14, false) => at_the_bank.filter(|(_, status)| *status == Status::Rejected),
            other => panic!("payout {id} has not ended: {other:?}, at the bank {at_the_bank:?}"),
        };
        assert_eq!(at_the_bank, expected, "payout {id}");
    }
    assert!(paid.is_empty(), "the bank has payments of no payout: {paid:?}");
}
