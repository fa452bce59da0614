//! What is published: CloudEvents 1.0 in binary mode, one for each entry and each status change.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    kernel::{
        books::{BooksId, LogMark},
        clock::{Timestamp, rfc3339_micros},
        ids::WalletId,
    },
    ledger::log::{EntryRow, LogRow, StatusChangeRow},
};

/// `ce_type` of a money event.
pub const TRANSACTION_CREATED: &str = "wallet.transaction.created.v1";
/// `ce_type` of a status event.
pub const STATUS_CHANGED: &str = "wallet.status.changed.v1";
/// `ce_source` of both in the books' first generation; `/wallet/g<generation>` in a later one, so that source and id name
/// one event.
pub const SOURCE: &str = "/wallet";
/// The header with the [`LogMark`] of a message's row.
pub const BOOKS_HEADER: &str = "wallet_books";

/// The row that a message is of, as its headers say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowMark {
    pub mark: LogMark,
    pub wallet: WalletId,
    /// The wallet's version, or its status version.
    pub version: i64,
    /// RFC 3339 with six digits. A row that was written again after a restore has another moment.
    pub occurred_at: String,
}

impl RowMark {
    /// Of the message with these headers; none: they do not say it.
    pub fn read<'a>(header: impl Fn(&str) -> Option<&'a str>) -> Option<Self> {
        let (wallet, version) = header("ce_id")?.split_once(':')?;
        Some(Self {
            mark: header(BOOKS_HEADER)?.parse().ok()?,
            wallet: WalletId(wallet.parse().ok()?),
            version: version.trim_start_matches('s').parse().ok()?,
            occurred_at: header("ce_time")?.to_owned(),
        })
    }

    /// Whether this is the row.
    #[must_use]
    pub fn is_of(&self, row: &LogRow) -> bool {
        (self.wallet, self.version) == row.key()
            && self.mark.position == row.position()
            && self.occurred_at == rfc3339_micros(row.occurred_at())
    }
}

/// An event on its way to a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub topic: String,
    /// The wallet's id: a wallet's events are in one partition, in order.
    pub key: String,
    /// The CloudEvents attributes, each with its `ce_` prefix, and `content-type`.
    pub headers: Vec<(&'static str, String)>,
    /// JSON of [`TransactionCreated`] or [`StatusChanged`].
    pub payload: Vec<u8>,
}

/// The body of a message in `wallet.created-transaction`. Money is in minor units. It carries every field that the
/// entry's hash covers, so that a copy of the topic proves the books.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransactionCreated {
    pub transaction_id: Uuid,
    pub wallet_id: Uuid,
    pub customer_xid: Uuid,
    /// `deposit`, `withdrawal` …
    pub r#type: String,
    /// `success`, `pending` (a hold that is open) or `failed`.
    pub status: String,
    /// What the entry did to its transaction: `booked`, `released`, `held`, `captured`, `voided`, `expired`. One transaction has a message for each of its steps.
    #[serde(default = "first_step")]
    pub step: String,
    /// As asked, positive.
    pub amount: i64,
    pub fee: i64,
    /// The signed change of the balance.
    pub delta: i64,
    pub deltas: Deltas,
    pub currency: String,
    pub balance: i64,
    pub available_balance: i64,
    pub held: i64,
    pub unreleased: i64,
    /// The wallet's own sequence: 1, 2, 3 … A consumer can tell a repeat (not above what it has seen) and a gap.
    pub version: i64,
    /// The history of the books. A consumer that meets a higher one takes its versions as the truth, and forgets what it
    /// had beyond them.
    #[serde(default = "first_generation")]
    pub generation: i64,
    pub reference_id: Option<Uuid>,
    /// RFC 3339 with six digits.
    pub occurred_at: String,
    /// Hexadecimal.
    pub hash: String,
}

/// The signed change of each bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deltas {
    pub available: i64,
    pub held: i64,
    pub unreleased: i64,
}

/// The body of a message in `wallet.changed-status`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusChanged {
    pub wallet_id: Uuid,
    pub customer_xid: Uuid,
    /// `enabled` or `disabled`.
    pub status: String,
    pub frozen: bool,
    /// The wallet's own sequence of status changes: 1, 2, 3 …
    pub status_version: i64,
    /// The history of the books, as in [`TransactionCreated`].
    #[serde(default = "first_generation")]
    pub generation: i64,
    /// RFC 3339 with six digits.
    pub occurred_at: String,
}

/// That of messages from before there were later steps.
fn first_step() -> String {
    "booked".to_owned()
}

/// That of messages from before there were generations.
fn first_generation() -> i64 {
    BooksId::FIRST_GENERATION
}

impl Event {
    /// The event of a log's row, in this history of the books.
    pub fn of(row: &LogRow, topic: &str, books: BooksId) -> Result<Self, serde_json::Error> {
        let (wallet, number, kind, at, payload) = match row {
            LogRow::Entry(row) => {
                let payload = serde_json::to_vec(&TransactionCreated::of(row, books))?;
                (row.wallet, row.version.to_string(), TRANSACTION_CREATED, row.occurred_at, payload)
            }
            LogRow::StatusChange(row) => {
                let payload = serde_json::to_vec(&StatusChanged::of(row, books))?;
                (row.wallet, format!("s{}", row.status_version), STATUS_CHANGED, row.occurred_at, payload)
            }
        };
        Ok(Self {
            topic: topic.to_owned(),
            key: wallet.to_string(),
            headers: headers(wallet.0, &number, kind, at, LogMark { books, position: row.position() }),
            payload,
        })
    }
}

fn headers(
    wallet: Uuid,
    number: &str,
    kind: &str,
    at: Timestamp,
    mark: LogMark,
) -> Vec<(&'static str, String)> {
    let source = match mark.books.generation {
        BooksId::FIRST_GENERATION => SOURCE.to_owned(),
        later => format!("{SOURCE}/g{later}"),
    };
    vec![
        ("ce_specversion", "1.0".to_owned()),
        ("ce_id", format!("{wallet}:{number}")),
        ("ce_type", kind.to_owned()),
        ("ce_source", source),
        ("ce_time", rfc3339_micros(at)),
        ("ce_subject", wallet.to_string()),
        ("content-type", "application/json".to_owned()),
        (BOOKS_HEADER, mark.to_string()),
    ]
}

impl TransactionCreated {
    /// The body of an entry, in this history of the books.
    #[must_use]
    pub fn of(row: &EntryRow, books: BooksId) -> Self {
        Self {
            transaction_id: row.transaction.0,
            wallet_id: row.wallet.0,
            customer_xid: row.owner.0,
            r#type: row.kind.word().to_owned(),
            status: row.status.word().to_owned(),
            step: row.kind.step().to_owned(),
            amount: row.amount,
            fee: row.fee,
            delta: row.delta.total(),
            deltas: Deltas {
                available: row.delta.available,
                held: row.delta.held,
                unreleased: row.delta.unreleased,
            },
            currency: row.currency.to_string(),
            balance: row.after.total(),
            available_balance: row.after.available,
            held: row.after.held,
            unreleased: row.after.unreleased,
            version: row.version,
            generation: books.generation,
            reference_id: row.reference.map(|reference| reference.0),
            occurred_at: rfc3339_micros(row.occurred_at),
            hash: hex::encode(row.hash),
        }
    }
}

impl StatusChanged {
    /// The body of a status change, in this history of the books.
    #[must_use]
    pub fn of(row: &StatusChangeRow, books: BooksId) -> Self {
        Self {
            wallet_id: row.wallet.0,
            customer_xid: row.owner.0,
            status: row.status.word().to_owned(),
            frozen: row.frozen,
            status_version: row.status_version,
            generation: books.generation,
            occurred_at: rfc3339_micros(row.occurred_at),
        }
    }
}
