//! Clients that ask for anything, hang up, and ask again.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use chrono::DateTime;
use reqwest::{Client, Method};
use serde_json::{Value, json};
use tokio::time::sleep;
use uuid::Uuid;

use super::{
    asked::{Asked, Attempt},
    operation::{Kind, Operation},
    random::Random,
};
use crate::support::customer::{Answer, Customer};

/// How long a client waits that does not mean to hang up.
const WAIT_TIMEOUT: Duration = Duration::from_secs(10);

/// What all clients know.
pub struct Shared {
    pub everybody: Vec<Customer>,
    /// The token of the service that places holds and ends them.
    pub shop: String,
    /// Where the servers are now.
    pub bases: Mutex<Vec<String>>,
    /// How many requests have ended.
    pub ended: AtomicUsize,
    /// The holds that were placed.
    pub holds: Mutex<Vec<Placed>>,
}

#[derive(Clone, Copy, Debug)]
pub struct Placed {
    pub hold: Uuid,
    pub wallet: Uuid,
    /// Minor units.
    pub amount: i64,
}

pub struct Asker {
    pub http: Client,
    pub random: Random,
    pub customer: Customer,
    pub shared: Arc<Shared>,
    /// How many requests are to be made by this client.
    pub count: usize,
    /// Every key is the customer's, who has several clients, or the service's.
    pub number: usize,
}

impl Asker {
    pub async fn run(mut self) -> Vec<Asked> {
        let mut all: Vec<Asked> = Vec::new();
        while all.len() < self.count {
            let mut asked = self.think(&all);
            self.carry_out(&mut asked).await;
            self.shared.ended.fetch_add(1, Ordering::Relaxed);
            all.push(asked);
        }
        all
    }

    async fn carry_out(&mut self, asked: &mut Asked) {
        if asked.key.is_some() && self.random.percent(8) {
            let bases = self.bases();
            let here = self.send(asked, &bases[0], WAIT_TIMEOUT);
            let there = self.send(asked, &bases[bases.len() - 1], WAIT_TIMEOUT);
            let (here, there) = tokio::join!(here, there);
            asked.attempts.extend([here, there]);
        }
        let mut hangs_up = self.random.percent(15);
        loop {
            let bases = self.bases();
            let base = &bases[self.random.below(bases.len())];
            let long = Duration::from_micros(u64::try_from(self.random.below(25_000)).expect("small"));
            let attempt = self.send(asked, base, if hangs_up { long } else { WAIT_TIMEOUT }).await;
            let is_decided = attempt.answer.is_some();
            asked.attempts.push(attempt);
            if !is_decided && !hangs_up {
                sleep(Duration::from_millis(20)).await;
            }
            // A status that was asked for without a key is not asked for again: that would be another request.
            let may_ask_again = asked.key.is_some() || asked.operation.kind.is_money();
            let wants_it_again = asked.key.is_some() && self.random.percent(10);
            if !may_ask_again || (is_decided && !wants_it_again) {
                return;
            }
            hangs_up = self.random.percent(15);
        }
    }

    fn bases(&self) -> Vec<String> {
        self.shared.bases.lock().unwrap().clone()
    }

    async fn send(&self, asked: &Asked, base: &str, patience: Duration) -> Attempt {
        let kind = asked.operation.kind;
        let (method, path) = target(&asked.operation);
        let token = if kind.is_of_service() { &self.shared.shop } else { &self.customer.token };
        let mut request = self
            .http
            .request(method, format!("{base}/api/v1/{path}"))
            .header("authorization", format!("Token {token}"))
            .timeout(patience)
            .json(&body(asked));
        if let Some(key) = &asked.key {
            request = request.header("idempotency-key", key);
        }
        let sent = Instant::now();
        let answer = match request.send().await {
            Ok(response) => Answer::try_of(response).await.ok(),
            Err(_) => None,
        };
        let answer = answer.filter(|answer| answer.status != 503).map(|answer| (Instant::now(), answer));
        if let Some((_, answer)) = &answer
            && kind == Kind::Hold
            && let Some(hold) = answer.body["data"]["hold"]["id"].as_str()
        {
            self.learn(hold.parse().expect("an id"), &asked.operation);
        }
        Attempt { sent, answer }
    }

    /// Lets everybody know of a hold.
    fn learn(&self, hold: Uuid, operation: &Operation) {
        let Operation { wallet, amount, .. } = *operation;
        let mut holds = self.shared.holds.lock().unwrap();
        if holds.iter().all(|placed| placed.hold != hold) {
            holds.push(Placed { hold, wallet, amount: amount.expect("an amount") });
        }
    }
}

fn target(operation: &Operation) -> (Method, String) {
    let ending = |what: &str| format!("holds/{}/{what}", operation.ends.expect("a hold"));
    match operation.kind {
        Kind::Enable => (Method::POST, "wallet".to_owned()),
        Kind::Disable => (Method::PATCH, "wallet".to_owned()),
        Kind::Hold => (Method::POST, "holds".to_owned()),
        Kind::Capture => (Method::POST, ending("capture")),
        Kind::Void => (Method::POST, ending("void")),
        money => (Method::POST, format!("wallet/{}s", money.word())),
    }
}

fn body(asked: &Asked) -> Value {
    let Operation { kind, wallet, amount, reference, until, .. } = asked.operation;
    if kind == Kind::Disable {
        return json!({"is_disabled": true});
    }
    let mut body = json!({});
    let mut add = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            body[name] = value;
        }
    };
    add("wallet", (kind == Kind::Hold).then(|| json!(wallet)));
    add("amount", amount.map(Value::from));
    add("reference_id", reference.map(|reference| json!(reference)));
    add(if kind == Kind::Capture { "to" } else { "recipient" }, asked.recipient.map(|named| json!(named)));
    if let Some(account) = asked.account {
        add("bank_code", Some(json!("044")));
        add("account_number", Some(json!(account)));
        add("account_name", Some(json!("Ada Obi")));
    }
    let until = until.map(|until| DateTime::from_timestamp_micros(until).expect("a time").to_rfc3339());
    add(if kind == Kind::Hold { "expires_at" } else { "release_at" }, until.map(Value::from));
    body
}
