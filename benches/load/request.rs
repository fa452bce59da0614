//! Requests, made before the clock runs. While it runs, only a wallet is chosen and a reference written.

use std::{cell::Cell, net::SocketAddr};

use anyhow::{Result, ensure};
use uuid::Uuid;

use super::scenario::{Operation, Spread};

/// What stands where a fresh reference is to be written; as long as one.
const REFERENCE: &str = "00000000-0000-0000-0000-000000000000";

/// A whole request, and where its reference stands.
pub struct Request {
    bytes: Vec<u8>,
    reference_at: Option<usize>,
}

impl Request {
    fn new(method: &str, path: &str, host: SocketAddr, token: Option<&str>, body: Option<&str>) -> Self {
        let mut text = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\n");
        if let Some(token) = token {
            text += &format!("Authorization: Token {token}\r\n");
        }
        if let Some(body) = body {
            text += &format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len());
        }
        text += "\r\n";
        text += body.unwrap_or_default();
        Self { reference_at: text.find(REFERENCE), bytes: text.into_bytes() }
    }

    pub fn init(host: SocketAddr, xid: Uuid) -> Self {
        let body = format!(r#"{{"customer_xid":"{xid}"}}"#);
        Self::new("POST", "/api/v1/init", host, None, Some(&body))
    }

    pub fn enable(host: SocketAddr, token: &str) -> Self {
        Self::new("POST", "/api/v1/wallet", host, Some(token), Some("{}"))
    }

    pub fn deposit(host: SocketAddr, token: &str, amount: u64) -> Self {
        let body = format!(r#"{{"amount":{amount},"reference_id":"{REFERENCE}"}}"#);
        Self::new("POST", "/api/v1/wallet/deposits", host, Some(token), Some(&body))
    }

    pub fn read(host: SocketAddr, token: &str) -> Self {
        Self::new("GET", "/api/v1/wallet", host, Some(token), None)
    }

    pub fn get(host: SocketAddr, path: &str) -> Self {
        Self::new("GET", path, host, None, None)
    }

    /// The request as it goes out, its reference being `reference`.
    pub fn write(&self, reference: Uuid, out: &mut Vec<u8>) {
        out.clear();
        out.extend_from_slice(&self.bytes);
        if let Some(at) = self.reference_at {
            reference.hyphenated().encode_lower(&mut out[at..at + REFERENCE.len()]);
        }
    }
}

/// References that no other run and no other request of this one has.
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
    requests: Vec<Request>,
    /// For Zipf: the shares of the first n requests together.
    shares: Vec<f64>,
    references: References,
    random: Cell<u64>,
}

impl Workload {
    /// `tokens` are of the wallets, the most popular first.
    pub fn new(host: SocketAddr, operation: Operation, spread: Spread, tokens: &[String]) -> Result<Self> {
        ensure!(!tokens.is_empty(), "a workload needs a wallet");
        let tokens = if spread == Spread::Hot { &tokens[..1] } else { tokens };
        let requests = tokens.iter().enumerate().map(|(n, token)| match operation {
            Operation::Deposit => Request::deposit(host, token, 1 + n as u64 % 1_000),
            Operation::Read => Request::read(host, token),
            Operation::Hello => Request::get(host, "/health/live"),
        });
        let shares = if spread == Spread::Zipf { zipf(tokens.len()) } else { Vec::new() };
        let (seed, _) = Uuid::new_v4().as_u64_pair();
        Ok(Self {
            requests: requests.collect(),
            shares,
            references: References::new(),
            random: Cell::new(seed | 1),
        })
    }

    /// Writes the next request.
    pub fn next(&self, out: &mut Vec<u8>) {
        let request = &self.requests[self.pick()];
        let reference = if request.reference_at.is_some() { self.references.next() } else { Uuid::nil() };
        request.write(reference, out);
    }

    fn pick(&self) -> usize {
        let random = self.random();
        if self.shares.is_empty() {
            // The high half of the product is spread over the range without a division.
            return ((u128::from(random) * self.requests.len() as u128) >> 64) as usize;
        }
        let share = random as f64 / u64::MAX as f64;
        self.shares.partition_point(|sum| *sum < share).min(self.requests.len() - 1)
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
