//! Clients that move money until they are stopped, and record every answer.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use chrono::{TimeDelta, Utc};
use reqwest::{Client, StatusCode};
use serde_json::json;
use tokio::{task::JoinSet, time::sleep};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::customer::{Answer, Customer};

/// How long a deposit that waits does: longer than its client repeats it.
const RELEASE_DELAY: TimeDelta = TimeDelta::seconds(30);

/// The reply to a request, as its client sees it.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// 201: the transaction's id and the wallet's version.
    Booked(Uuid, i64),
    /// The reference was used up by this transaction.
    Known(Uuid),
    InsufficientFunds,
    /// Any other answer: its status and code.
    Other(u16, String),
    /// The connection ended without an answer.
    Nothing(String),
}

/// One attempt of a request, and how long its answer took.
#[derive(Clone, Debug)]
pub struct Attempt {
    pub took: Duration,
    pub reply: Reply,
    /// Whether it is marked as the replay of the first answer to its key.
    pub replayed: bool,
}

/// A request to move money, with all its attempts. It has one reference, so it may be booked once.
#[derive(Clone, Debug)]
pub struct MoneyRequest {
    pub wallet: Uuid,
    pub kind: &'static str,
    /// The receiver of a transfer.
    pub to: Option<Uuid>,
    pub amount: i64,
    /// When a deposit that waits may be spent; the same in every attempt.
    pub release_at: Option<String>,
    pub reference: Uuid,
    /// Half of all requests have a key as well.
    pub key: Option<String>,
    pub attempts: Vec<Attempt>,
}

/// The versions in the answers to a customer's clients, and when they arrived.
pub type Versions = Arc<Mutex<Vec<(Instant, i64)>>>;

/// Customers, and the versions that their clients have received.
pub type Customers = Vec<(Customer, Versions)>;

/// Running clients.
pub struct Load {
    pub customers: Customers,
    /// The address of the service.
    pub base: Arc<Mutex<String>>,
    stop: CancellationToken,
    clients: JoinSet<Vec<MoneyRequest>>,
}

/// How the clients behave.
#[derive(Clone, Copy)]
pub struct Manner {
    /// Whether a request is repeated, with the same reference and the same key, until its answer is definite.
    pub retries: bool,
    /// The delay between an answer and the next request.
    pub pause: Duration,
    /// The client disconnects after this time without an answer.
    pub timeout: Duration,
}

impl Default for Manner {
    fn default() -> Self {
        Self { retries: true, pause: Duration::ZERO, timeout: Duration::from_secs(30) }
    }
}

impl Load {
    /// Two clients for each of this number of new customers.
    pub async fn start(base: &str, customers: usize, manner: Manner) -> Self {
        let mut known = Vec::new();
        for _ in 0..customers {
            known.push((Customer::enabled(base).await, Versions::default()));
        }
        Self::of(known, base, manner)
    }

    /// Two more clients for each of the same customers, at another address.
    pub fn beside(&self, base: &str, manner: Manner) -> Self {
        Self::of(self.customers.clone(), base, manner)
    }

    fn of(customers: Customers, base: &str, manner: Manner) -> Self {
        let (base, stop) = (Arc::new(Mutex::new(base.to_owned())), CancellationToken::new());
        let mut clients = JoinSet::new();
        for (customer, versions) in customers.iter().chain(&customers) {
            let asker = Asker {
                http: crate::support::client::builder().timeout(manner.timeout).build().expect("a client"),
                customer: customer.clone(),
                others: customers
                    .iter()
                    .map(|(other, _)| other.wallet)
                    .filter(|wallet| *wallet != customer.wallet)
                    .collect(),
                versions: Arc::clone(versions),
                base: Arc::clone(&base),
                stop: stop.clone(),
                manner,
            };
            clients.spawn(asker.run());
        }
        Self { customers, base, stop, clients }
    }

    /// Sends requests to this address from now on.
    pub fn move_to(&self, base: &str) {
        base.clone_into(&mut self.base.lock().unwrap());
    }

    /// The number of requests that were answered with 201 so far.
    pub fn booked(&self) -> usize {
        self.customers.iter().map(|(_, versions)| versions.lock().unwrap().len()).sum()
    }

    /// Waits until this number of further requests were.
    pub async fn goes_on(&self, more: usize) {
        let before = self.booked();
        super::wait::until("money moves", Duration::from_secs(30), async || {
            (self.booked() >= before + more).then_some(())
        })
        .await;
    }

    /// Stops the clients, after their last answers.
    pub async fn stop(self) -> Vec<MoneyRequest> {
        self.stop.cancel();
        self.clients.join_all().await.into_iter().flatten().collect()
    }
}

struct Asker {
    http: Client,
    customer: Customer,
    /// The wallets of the other customers.
    others: Vec<Uuid>,
    versions: Versions,
    base: Arc<Mutex<String>>,
    stop: CancellationToken,
    manner: Manner,
}

impl Asker {
    async fn run(self) -> Vec<MoneyRequest> {
        let mut all = Vec::new();
        while !self.stop.is_cancelled() {
            all.push(self.ask().await);
            sleep(self.manner.pause).await;
        }
        all
    }

    /// Makes a random request. Withdrawals and transfers often exceed the balance.
    async fn ask(&self) -> MoneyRequest {
        let reference = Uuid::new_v4();
        let [chance, amount, other, keyed, ..] = reference.into_bytes();
        let to = self.others.get(usize::from(other) % self.others.len().max(1)).filter(|_| chance >= 170);
        let kind = match chance {
            _ if to.is_some() => "transfer",
            0..110 => "deposit",
            _ => "withdrawal",
        };
        let mut asked = MoneyRequest {
            wallet: self.customer.wallet,
            kind,
            to: to.copied(),
            amount: i64::from(amount) + 1,
            release_at: (kind == "deposit" && chance < 30).then(|| (Utc::now() + RELEASE_DELAY).to_rfc3339()),
            reference,
            key: (keyed < 128).then(|| format!("key-of-{reference}")),
            attempts: Vec::new(),
        };
        loop {
            let at = Instant::now();
            let (reply, replayed) = self.send(&asked).await;
            asked.attempts.push(Attempt { took: at.elapsed(), reply: reply.clone(), replayed });
            match reply {
                Reply::Booked(_, version) => self.versions.lock().unwrap().push((Instant::now(), version)),
                Reply::Other(..) | Reply::Nothing(_) => {
                    sleep(Duration::from_millis(20)).await;
                    if self.manner.retries && !self.stop.is_cancelled() {
                        continue;
                    }
                }
                _ => {}
            }
            return asked;
        }
    }

    async fn send(&self, asked: &MoneyRequest) -> (Reply, bool) {
        let base = self.base.lock().unwrap().clone();
        let mut body = json!({"amount": asked.amount, "reference_id": asked.reference});
        if let Some(to) = asked.to {
            body["recipient"] = json!(to);
        }
        if let Some(release_at) = &asked.release_at {
            body["release_at"] = json!(release_at);
        }
        let mut request = self
            .http
            .post(format!("{base}/api/v1/wallet/{}s", asked.kind))
            .header("authorization", format!("Token {}", self.customer.token))
            .json(&body);
        if let Some(key) = &asked.key {
            request = request.header("idempotency-key", key);
        }
        let answer = match request.send().await {
            Ok(response) => Answer::try_of(response).await,
            Err(error) => Err(error),
        };
        let answer = match answer {
            Err(error) => return (Reply::Nothing(format!("{error:?}")), false),
            Ok(answer) => answer,
        };
        let id = |value: &serde_json::Value| value.as_str().and_then(|id| id.parse().ok()).expect("an id");
        let reply = match answer.code() {
            "" if answer.status == StatusCode::CREATED => {
                Reply::Booked(id(&answer.body["data"][asked.kind]["id"]), answer.version.expect("a version"))
            }
            "duplicate_reference" => Reply::Known(id(&answer.body["data"]["transaction_id"])),
            "insufficient_funds" => Reply::InsufficientFunds,
            code => Reply::Other(answer.status, code.to_owned()),
        };
        (reply, answer.replayed)
    }
}
