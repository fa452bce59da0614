//! Requests, built before the measurement, during which only wallets are chosen and ids written in place.

use std::{cell::Cell, net::SocketAddr};

use anyhow::{Result, ensure};
use uuid::Uuid;

use super::scenario::{Distribution, Operation};

/// Placeholders of the same length for the reference, the key and the recipient.
const REFERENCE: &str = "00000000-0000-0000-0000-000000000000";
const KEY: &str = "00000000-0000-0000-0000-000000000001";
const RECIPIENT: &str = "00000000-0000-0000-0000-000000000002";

/// An enabled wallet and its token.
#[derive(Clone, Debug)]
pub struct Wallet {
    pub id: Uuid,
    /// As in `Authorization`.
    pub token: String,
}

/// A whole request, and the offsets of its reference, key and recipient.
pub struct Request {
    bytes: Vec<u8>,
    slots: [Option<usize>; 3],
}

/// The ids that are written into a request's placeholders just before it is sent.
#[derive(Clone, Copy, Default)]
pub struct RequestIds {
    pub reference: Uuid,
    pub key: Uuid,
    /// A wallet's id.
    pub recipient: Uuid,
}

impl Request {
    fn new(line: &str, host: SocketAddr, headers: &[(&str, &str)], body: Option<&str>) -> Self {
        let mut text = format!("{line} HTTP/1.1\r\nHost: {host}\r\n");
        for (name, value) in headers {
            text += &format!("{name}: {value}\r\n");
        }
        if let Some(body) = body {
            text += &format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len());
        }
        text += "\r\n";
        text += body.unwrap_or_default();
        Self { slots: [REFERENCE, KEY, RECIPIENT].map(|slot| text.find(slot)), bytes: text.into_bytes() }
    }

    pub fn init(host: SocketAddr, xid: Uuid) -> Self {
        let body = format!(r#"{{"customer_xid":"{xid}"}}"#);
        Self::new("POST /api/v1/init", host, &[], Some(&body))
    }

    pub fn enable(host: SocketAddr, token: &str) -> Self {
        Self::new("POST /api/v1/wallet", host, &[("Authorization", token)], Some("{}"))
    }

    pub fn deposit(host: SocketAddr, token: &str, amount: u64) -> Self {
        let body = format!(r#"{{"amount":{amount},"reference_id":"{REFERENCE}"}}"#);
        Self::new("POST /api/v1/wallet/deposits", host, &[("Authorization", token)], Some(&body))
    }

    /// Money that may be spent from this moment on (RFC 3339).
    pub fn deposit_until(host: SocketAddr, token: &str, amount: u64, release_at: &str) -> Self {
        let body =
            format!(r#"{{"amount":{amount},"reference_id":"{REFERENCE}","release_at":"{release_at}"}}"#);
        Self::new("POST /api/v1/wallet/deposits", host, &[("Authorization", token)], Some(&body))
    }

    pub fn payout(host: SocketAddr, token: &str, amount: u64) -> Self {
        let account = r#""bank_code":"044","account_number":"0532013000","account_name":"Ada Obi""#;
        let body = format!(r#"{{"amount":{amount},"reference_id":"{REFERENCE}",{account}}}"#);
        Self::new("POST /api/v1/wallet/payouts", host, &[("Authorization", token)], Some(&body))
    }

    /// To a wallet by its id, with a key, as a client sends it that may have to send it again.
    pub fn transfer(host: SocketAddr, token: &str, amount: u64) -> Self {
        let body = format!(r#"{{"recipient":"{RECIPIENT}","amount":{amount},"reference_id":"{REFERENCE}"}}"#);
        let headers = [("Authorization", token), ("Idempotency-Key", KEY)];
        Self::new("POST /api/v1/wallet/transfers", host, &headers, Some(&body))
    }

    pub fn read(host: SocketAddr, token: &str) -> Self {
        Self::new("GET /api/v1/wallet", host, &[("Authorization", token)], None)
    }

    pub fn get(host: SocketAddr, path: &str) -> Self {
        Self::new(&format!("GET {path}"), host, &[], None)
    }

    /// The request as it goes out.
    pub fn write(&self, ids: &RequestIds, out: &mut Vec<u8>) {
        out.clear();
        out.extend_from_slice(&self.bytes);
        for (at, id) in self.slots.iter().zip([ids.reference, ids.key, ids.recipient]) {
            if let Some(at) = *at {
                id.hyphenated().encode_lower(&mut out[at..at + REFERENCE.len()]);
            }
        }
    }
}

/// References and keys that no other run and no other request of this one has.
pub struct References {
    run: u64,
    next: Cell<u64>,
}

impl References {
    pub fn new() -> Self {
        let (run, _) = Uuid::new_v4().as_u64_pair();
        Self { run, next: Cell::new(0) }
    }

    pub fn next(&self) -> Uuid {
        let count = self.next.get();
        self.next.set(count + 1);
        // An odd factor maps different counts to different numbers, all over the range, as version 4 would.
        let low = count.wrapping_mul(0x9e37_79b9_7f4a_7c15) & (u64::MAX >> 2);
        Uuid::from_u64_pair(self.run, (1 << 63) | low)
    }
}

/// Requests of one scenario, and which comes next.
pub struct Workload {
    /// One for each wallet.
    requests: Vec<Request>,
    wallets: Vec<Uuid>,
    /// Whether it is the sender who asks.
    is_transfer: bool,
    distribution: Distribution,
    /// For Zipf: the shares of the first n wallets together.
    shares: Vec<f64>,
    references: References,
    random: Cell<u64>,
}

impl Workload {
    /// Of the wallets the first is the most popular one.
    pub fn new(
        host: SocketAddr,
        operation: Operation,
        distribution: Distribution,
        wallets: &[Wallet],
    ) -> Result<Self> {
        ensure!(wallets.len() > 1, "a workload needs two wallets");
        let requests = wallets.iter().enumerate().map(|(n, Wallet { token, .. })| match operation {
            // Large enough for a fee of a few cents.
            Operation::Transfer => Request::transfer(host, token, 100 + n as u64 % 900),
            Operation::Deposit => Request::deposit(host, token, 1 + n as u64 % 1_000),
            Operation::Payout => Request::payout(host, token, 1 + n as u64 % 1_000),
            Operation::Read => Request::read(host, token),
            Operation::Hello => Request::get(host, "/health/live"),
        });
        let (seed, _) = Uuid::new_v4().as_u64_pair();
        Ok(Self {
            requests: requests.collect(),
            wallets: wallets.iter().map(|wallet| wallet.id).collect(),
            is_transfer: operation == Operation::Transfer,
            distribution,
            shares: if distribution == Distribution::Zipf { zipf(wallets.len()) } else { Vec::new() },
            references: References::new(),
            random: Cell::new(seed | 1),
        })
    }

    /// Writes the next request.
    pub fn next(&self, out: &mut Vec<u8>) {
        let (sender, receiver) = self.pick();
        let asks = if self.is_transfer { sender } else { receiver };
        let ids = RequestIds {
            reference: self.references.next(),
            key: self.references.next(),
            recipient: self.wallets[receiver],
        };
        self.requests[asks].write(&ids, out);
    }

    /// Two different wallets: who sends and who receives.
    fn pick(&self) -> (usize, usize) {
        let count = self.requests.len();
        match self.distribution {
            Distribution::Even => {
                let receiver = self.below(count);
                ((receiver + 1 + self.below(count - 1)) % count, receiver)
            }
            Distribution::Zipf => {
                let receiver = self.popular();
                let senders = std::iter::repeat_with(|| self.popular()).take(100);
                let sender = senders.into_iter().find(|sender| *sender != receiver);
                (sender.unwrap_or((receiver + 1) % count), receiver)
            }
            Distribution::HotReceiver => (1 + self.below(count - 1), 0),
            Distribution::HotSender => (0, 1 + self.below(count - 1)),
        }
    }

    /// A number below `count`, each equally often.
    fn below(&self, count: usize) -> usize {
        // The high half of the product is spread over the range without a division.
        ((u128::from(self.random()) * count as u128) >> 64) as usize
    }

    /// A wallet, by its share.
    fn popular(&self) -> usize {
        let share = self.random() as f64 / u64::MAX as f64;
        self.shares.partition_point(|sum| *sum < share).min(self.shares.len() - 1)
    }

    /// xorshift64* (Vigna 2016): cheap, and good enough to choose wallets.
    fn random(&self) -> u64 {
        let mut x = self.random.get();
        x ^= x >> 12;
        x ^= x << 25;
        x ^= x >> 27;
        self.random.set(x);
        x.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }
}

/// The shares of the first n together, for every n, the n-th one's being in proportion to 1/n.
fn zipf(count: usize) -> Vec<f64> {
    let total: f64 = (1..=count).map(|n| 1.0 / n as f64).sum();
    let mut sum = 0.0;
    (1..=count)
        .map(|n| {
            sum += 1.0 / n as f64 / total;
            sum
        })
        .collect()
}
