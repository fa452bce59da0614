//! A payment, as it is sent, stored and shown.

use aws_lc_rs::digest;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What a client asks the bank to pay.
#[derive(Debug, Deserialize)]
pub struct Instruction {
    pub id: Uuid,
    /// Minor units.
    pub amount: i64,
    pub currency: String,
    pub bank_code: String,
    pub account_number: String,
    pub account_name: String,
}

/// The status of a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// The bank has forgotten the submissions so far, or failed over them. It pays nothing, and finds nothing.
    Unknown,
    Pending,
    Settled,
    Rejected,
    Bounced,
}

/// A payment of the book, without its account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BookEntry {
    pub id: Uuid,
    /// Minor units.
    pub amount: i64,
    pub currency: String,
    pub account_last4: String,
    pub status: Status,
    pub reason: Option<String>,
    /// How often the payment was submitted.
    pub submissions: u32,
}

/// A payment of the book, and what it is known again by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    #[serde(flatten)]
    pub entry: BookEntry,
    /// SHA-256 of the instruction, in hexadecimal digits: the book shows no account.
    pub fingerprint: String,
}

/// A payment in an answer or a callback.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Answer {
    pub id: Uuid,
    pub amount: i64,
    pub status: Status,
    pub reason: Option<String>,
}

impl Instruction {
    /// Whether a bank would take it.
    pub fn is_valid(&self) -> bool {
        let Self { amount, currency, bank_code, account_number, account_name, .. } = self;
        let all = [currency, bank_code, account_number, account_name];
        *amount > 0 && account_number.is_ascii() && all.iter().all(|text| !text.is_empty())
    }

    /// The last four characters of the account's number.
    pub fn account_last4(&self) -> &str {
        let start = self.account_number.len().saturating_sub(4);
        self.account_number.get(start..).unwrap_or_default()
    }

    /// The same for the same fields.
    pub fn fingerprint(&self) -> String {
        let Self { id, amount, currency, bank_code, account_number, account_name } = self;
        // A field may hold anything, so each is escaped.
        let fields = format!("{id}|{amount}|{currency:?}|{bank_code:?}|{account_number:?}|{account_name:?}");
        hex::encode(digest::digest(&digest::SHA256, fields.as_bytes()))
    }
}

impl BookEntry {
    /// What the bank says of the payment.
    pub fn answer(&self) -> Answer {
        Answer { id: self.id, amount: self.amount, status: self.status, reason: self.reason.clone() }
    }
}
