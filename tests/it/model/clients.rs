//! Clients that ask for anything, hang up, and ask again.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use reqwest::{Client, Method};
use serde_json::json;
use tokio::time::sleep;

use super::{
    asked::{Asked, Attempt, Kind},
    random::Random,
};
use crate::support::customer::{Answer, Customer};

/// How long a client waits that does not mean to hang up.
const WAIT_TIMEOUT: Duration = Duration::from_secs(10);

pub struct Asker {
    pub http: Client,
    pub random: Random,
    pub customer: Customer,
    /// Everybody, this customer too.
    pub everybody: Arc<Vec<Customer>>,
    /// Where the servers are now.
    pub bases: Arc<Mutex<Vec<String>>>,
    /// How many requests have ended, of everybody.
    pub ended: Arc<AtomicUsize>,
    /// How many are to be made by this client.
    pub count: usize,
    /// Every key is the customer's, who has several clients.
    pub number: usize,
}

impl Asker {
    pub async fn run(mut self) -> Vec<Asked> {
        let mut all: Vec<Asked> = Vec::new();
        while all.len() < self.count {
            let mut asked = self.think(&all);
            self.carry_out(&mut asked).await;
            self.ended.fetch_add(1, Ordering::Relaxed);
            all.push(asked);
        }
        all
    }

    /// Small balances, so that refusals are frequent.
    fn think(&mut self, before: &[Asked]) -> Asked {
        let (kind, amount) = match self.random.below(100) {
            0..27 => (Kind::Deposit, 1 + self.random.below(120)),
            27..55 => (Kind::Withdrawal, 1 + self.random.below(120)),
            55..86 => (Kind::Transfer, 1 + self.random.below(150)),
            86..90 => (Kind::Disable, 1),
            _ => (Kind::Enable, 1),
        };
        let key = format!("{}-{}", self.number, before.len());
        let mut asked = Asked {
            wallet: self.customer.wallet,
            kind,
            amount: i64::try_from(amount).expect("small"),
            reference: self.random.uuid(),
            to: (kind == Kind::Transfer).then(|| self.somebody()),
            key: self.random.percent(50).then_some(key),
            reuses_a_key: false,
            repeats_a_reference: false,
            attempts: Vec::new(),
        };
        if before.is_empty() {
            return asked;
        }
        let earlier = &before[self.random.below(before.len())];
        let is_first = earlier.kind == kind && kind.is_money() && !earlier.repeats_a_reference;
        if is_first && self.random.percent(20) {
            let more = i64::try_from(before.len()).expect("small");
            (asked.reference, asked.amount) = (earlier.reference, earlier.amount + more);
            asked.repeats_a_reference = true;
            return asked;
        }
        // A status request has no fields: only its method tells it from another.
        let is_another = kind.is_money() || earlier.kind != kind;
        let has_a_key = earlier.key.is_some() && earlier.answered().is_some() && !earlier.reuses_a_key;
        if is_another && has_a_key && self.random.percent(5) {
            asked.key.clone_from(&earlier.key);
            asked.reuses_a_key = true;
        }
        asked
    }

    fn somebody(&mut self) -> (uuid::Uuid, Option<uuid::Uuid>) {
        if self.random.percent(3) {
            return (self.random.uuid(), None);
        }
        let other = &self.everybody[self.random.below(self.everybody.len())];
        (if self.random.percent(50) { other.wallet } else { other.xid }, Some(other.wallet))
    }

    async fn carry_out(&mut self, asked: &mut Asked) {
        if asked.key.is_some() && self.random.percent(8) {
            let bases = self.bases.lock().unwrap().clone();
            let here = self.send(asked, &bases[0], WAIT_TIMEOUT);
            let there = self.send(asked, &bases[bases.len() - 1], WAIT_TIMEOUT);
            let (here, there) = tokio::join!(here, there);
            asked.attempts.extend([here, there]);
        }
        let mut hangs_up = self.random.percent(15);
        loop {
            let bases = self.bases.lock().unwrap().clone();
            let base = &bases[self.random.below(bases.len())];
            let long = Duration::from_micros(u64::try_from(self.random.below(25_000)).expect("small"));
            let attempt = self.send(asked, base, if hangs_up { long } else { WAIT_TIMEOUT }).await;
            let is_decided = attempt.answer.is_some();
            asked.attempts.push(attempt);
            if !is_decided && !hangs_up {
                sleep(Duration::from_millis(20)).await;
            }
            // A status that was asked for without a key is not asked for again: that would be another request.
            let may_ask_again = asked.key.is_some() || asked.kind.is_money();
            let wants_it_again = asked.key.is_some() && self.random.percent(10);
            if !may_ask_again || (is_decided && !wants_it_again) {
                return;
            }
            hangs_up = self.random.percent(15);
        }
    }

    async fn send(&self, asked: &Asked, base: &str, patience: Duration) -> Attempt {
        let mut body = json!({"amount": asked.amount, "reference_id": asked.reference});
        let (method, path) = match asked.kind {
            Kind::Enable => (Method::POST, "wallet".to_owned()),
            Kind::Disable => (Method::PATCH, "wallet".to_owned()),
            money => (Method::POST, format!("wallet/{}s", money.word())),
        };
        if let Some((named, _)) = asked.to {
            body["recipient"] = json!(named);
        }
        if !asked.kind.is_money() {
            body = if asked.kind == Kind::Disable { json!({"is_disabled": true}) } else { json!({}) };
        }
        let mut request = self
            .http
            .request(method, format!("{base}/api/v1/{path}"))
            .header("authorization", format!("Token {}", self.customer.token))
            .timeout(patience)
            .json(&body);
        if let Some(key) = &asked.key {
            request = request.header("idempotency-key", key);
        }
        let sent = Instant::now();
        let answer = match request.send().await {
            Ok(response) => Answer::try_of(response).await.ok(),
            Err(_) => None,
        };
        let decides = answer.filter(|answer| answer.status != 503);
        Attempt { sent, answer: decides.map(|answer| (Instant::now(), answer)) }
    }
}
