//! Clients that move money until they are told to stop, and remember every answer.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use reqwest::{Client, StatusCode};
use serde_json::json;
use tokio::{task::JoinSet, time::sleep};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::customer::{Answer, Customer};

/// What a client was told of a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Told {
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

/// An attempt to have money moved, and how long the answer took.
#[derive(Clone, Debug)]
pub struct Attempt {
    pub took: Duration,
    pub told: Told,
    /// It was said to be the first answer to a key, told again.
    pub replayed: bool,
}

/// Money that a client asked to be moved; one reference, so it may be booked once.
#[derive(Clone, Debug)]
pub struct Asked {
    pub wallet: Uuid,
    pub kind: &'static str,
    /// Who gets a transfer.
    pub to: Option<Uuid>,
    pub amount: i64,
    pub reference: Uuid,
    /// Half of all have a key beside the reference.
    pub key: Option<String>,
    pub attempts: Vec<Attempt>,
}

/// The versions that a customer's clients were told of, and when.
pub type Heard = Arc<Mutex<Vec<(Instant, i64)>>>;

/// Customers, and what their clients have heard.
pub type Customers = Vec<(Customer, Heard)>;

/// Clients at work.
pub struct Load {
    pub customers: Customers,
    /// Where the service is now.
    pub base: Arc<Mutex<String>>,
    stop: CancellationToken,
    clients: JoinSet<Vec<Asked>>,
}

/// How the clients behave.
#[derive(Clone, Copy)]
pub struct Manner {
    /// Asks again, with the same reference and the same key, until the answer is definite.
    pub insists: bool,
    /// Between an answer and the next request.
    pub pause: Duration,
    /// Hangs up when there is no answer by then.
    pub patience: Duration,
}

impl Default for Manner {
    fn default() -> Self {
        Self { insists: true, pause: Duration::ZERO, patience: Duration::from_secs(30) }
    }
}

impl Load {
    /// Two clients for each of so many new customers.
    pub async fn start(base: &str, customers: usize, manner: Manner) -> Self {
        let mut known = Vec::new();
        for _ in 0..customers {
            known.push((Customer::enabled(base).await, Heard::default()));
        }
        Self::of(known, base, manner)
    }

    /// Two more clients for each of the same customers, somewhere else.
    pub fn beside(&self, base: &str, manner: Manner) -> Self {
        Self::of(self.customers.clone(), base, manner)
    }

    fn of(customers: Customers, base: &str, manner: Manner) -> Self {
        let (base, stop) = (Arc::new(Mutex::new(base.to_owned())), CancellationToken::new());
        let mut clients = JoinSet::new();
        for (customer, heard) in customers.iter().chain(&customers) {
            let asker = Asker {
                http: Client::builder().timeout(manner.patience).build().expect("a client"),
                customer: customer.clone(),
                others: customers
                    .iter()
                    .map(|(other, _)| other.wallet)
                    .filter(|wallet| *wallet != customer.wallet)
                    .collect(),
                heard: Arc::clone(heard),
                base: Arc::clone(&base),
                stop: stop.clone(),
                manner,
            };
            clients.spawn(asker.run());
        }
        Self { customers, base, stop, clients }
    }

    /// From now on the service is there.
    pub fn move_to(&self, base: &str) {
        base.clone_into(&mut self.base.lock().unwrap());
    }

    /// How many requests were answered with 201 so far.
    pub fn booked(&self) -> usize {
        self.customers.iter().map(|(_, heard)| heard.lock().unwrap().len()).sum()
    }

    /// Waits until so many more were.
    pub async fn goes_on(&self, more: usize) {
        let before = self.booked();
        super::wait::until("money moves", Duration::from_secs(30), async || {
            (self.booked() >= before + more).then_some(())
        })
        .await;
    }

    /// Ends when every client has its last answer.
    pub async fn stop(self) -> Vec<Asked> {
        self.stop.cancel();
        self.clients.join_all().await.into_iter().flatten().collect()
    }
}

struct Asker {
    http: Client,
    customer: Customer,
    /// The wallets of the other customers.
    others: Vec<Uuid>,
    heard: Heard,
    base: Arc<Mutex<String>>,
    stop: CancellationToken,
    manner: Manner,
}

impl Asker {
    async fn run(self) -> Vec<Asked> {
        let mut all = Vec::new();
        while !self.stop.is_cancelled() {
            all.push(self.ask().await);
            sleep(self.manner.pause).await;
        }
        all
    }

    /// Has some money moved. Withdrawals and transfers are often more than there is.
    async fn ask(&self) -> Asked {
        let reference = Uuid::new_v4();
        let [chance, amount, other, keyed, ..] = reference.into_bytes();
        let to = self.others.get(usize::from(other) % self.others.len().max(1)).filter(|_| chance >= 170);
        let kind = match chance {
            _ if to.is_some() => "transfer",
            0..110 => "deposit",
            _ => "withdrawal",
        };
        let mut asked = Asked {
            wallet: self.customer.wallet,
            kind,
            to: to.copied(),
            amount: i64::from(amount) + 1,
            reference,
            key: (keyed < 128).then(|| format!("key-of-{reference}")),
            attempts: Vec::new(),
        };
        loop {
            let at = Instant::now();
            let (told, replayed) = self.send(&asked).await;
            asked.attempts.push(Attempt { took: at.elapsed(), told: told.clone(), replayed });
            match told {
                Told::Booked(_, version) => self.heard.lock().unwrap().push((Instant::now(), version)),
                Told::Other(..) | Told::Nothing(_) => {
                    sleep(Duration::from_millis(20)).await;
                    if self.manner.insists && !self.stop.is_cancelled() {
                        continue;
                    }
                }
                _ => {}
            }
            return asked;
        }
    }

    async fn send(&self, asked: &Asked) -> (Told, bool) {
        let base = self.base.lock().unwrap().clone();
        let mut body = json!({"amount": asked.amount, "reference_id": asked.reference});
        if let Some(to) = asked.to {
            body["recipient"] = json!(to);
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
            Err(error) => return (Told::Nothing(format!("{error:?}")), false),
            Ok(answer) => answer,
        };
        let id = |value: &serde_json::Value| value.as_str().and_then(|id| id.parse().ok()).expect("an id");
        let told = match answer.code() {
            "" if answer.status == StatusCode::CREATED => {
                Told::Booked(id(&answer.body["data"][asked.kind]["id"]), answer.version.expect("a version"))
            }
            "duplicate_reference" => Told::Known(id(&answer.body["data"]["transaction_id"])),
            "insufficient_funds" => Told::InsufficientFunds,
            code => Told::Other(answer.status, code.to_owned()),
        };
        (told, answer.replayed)
    }
}
