//! The comparison of a topic with a log, message by message: pure, and in bounded memory for each wallet.

use std::collections::{BTreeSet, HashMap};

use super::{
    chain::{NO_HASH, chained, hash_of},
    decoded::{Body, Decoded},
};
use crate::{
    events::{event::Event, topic_reader::StoredMessage},
    kernel::{books::BooksId, finding::Findings, ids::WalletId},
    ledger::log::LogRow,
};

pub(super) const IS_READABLE: &str = "every message of the topic can be read";
pub(super) const IS_IN_BOOKS: &str = "everything in the topic is in the books";
pub(super) const IS_EQUAL: &str = "a message says what the books say: key, headers and every field";
pub(super) const IS_CHAINED: &str = "a message's hash covers the hash before it and its own fields";
pub(super) const IS_IN_ONE_PARTITION: &str = "a wallet's messages are in one partition";
pub(super) const IS_IN_ORDER: &str = "a wallet's versions come first in the order 1, 2, 3 …";
pub(super) const IS_PUBLISHED: &str = "everything in the books up to the relay's cursor is in the topic";

/// Every rule of the comparison.
pub const RULES: [&str; 7] =
    [IS_READABLE, IS_IN_BOOKS, IS_EQUAL, IS_CHAINED, IS_IN_ONE_PARTITION, IS_IN_ORDER, IS_PUBLISHED];

/// Maximum number of versions that were passed over and may still come later in the topic.
const PASSED_OVER_MAX: usize = 100_000;

/// How far a wallet's messages have come.
#[derive(Clone, Copy, Debug)]
pub(super) struct Progress {
    /// The version of the first message; above 1 where the topic's beginning is gone.
    pub(super) first: i64,
    /// The highest version so far.
    pub(super) last: i64,
    /// The hash of the highest version; zeros in the log of status.
    hash: [u8; 32],
    partition: i32,
}

/// What was counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub messages: u64,
    /// Messages whose wallet and version had come before.
    pub repeats: u64,
    /// Messages of an earlier generation that the books do not have: they were restored to a moment before those.
    pub superseded: u64,
}

/// A comparison under way.
#[derive(Debug)]
pub(super) struct Comparison {
    books: BooksId,
    pub(super) findings: Findings,
    pub(super) counts: Counts,
    pub(super) wallets: HashMap<WalletId, Progress>,
    /// Versions that a later one has overtaken, and that have not come since.
    pub(super) passed_over: BTreeSet<(WalletId, i64)>,
}

impl Comparison {
    /// A comparison with these books.
    pub(super) fn with(books: BooksId) -> Self {
        Self {
            books,
            findings: Findings::default(),
            counts: Counts::default(),
            wallets: HashMap::new(),
            passed_over: BTreeSet::new(),
        }
    }

    /// Takes the next message. `row` is the books' row with its wallet and version, `is_whole` whether its partition is
    /// there from its beginning.
    pub(super) fn take(
        &mut self,
        stored: &StoredMessage,
        decoded: &Decoded,
        row: Option<&LogRow>,
        is_whole: bool,
    ) {
        self.counts.messages += 1;
        let difference = self.difference(stored, decoded, row);
        if difference.is_some() && decoded.generation < self.books.generation {
            self.counts.superseded += 1;
            return;
        }
        if let Some((rule, difference)) = difference {
            self.findings.add(rule, || format!("{}{difference}", place(stored, decoded)));
        }
        let hash = match &decoded.body {
            Body::Money(event) => hash_of(event).unwrap_or(NO_HASH),
            Body::Status(_) => NO_HASH,
        };
        let begins =
            Progress { first: decoded.version, last: decoded.version, hash, partition: stored.partition };
        let Some(seen) = self.wallets.get(&decoded.wallet).copied() else {
            self.wallets.insert(decoded.wallet, begins);
            if decoded.version == 1 {
                self.check_chain(stored, decoded, row, &NO_HASH);
            } else if is_whole {
                self.overtakes(stored, decoded, 0);
                self.wallets.insert(decoded.wallet, Progress { first: 1, ..begins });
            }
            return;
        };
        if seen.partition != stored.partition {
            self.findings.add(IS_IN_ONE_PARTITION, || {
                format!("{}, and one before it in partition {}", place(stored, decoded), seen.partition)
            });
        }
        if decoded.version <= seen.last {
            // One that comes late was reported when it was overtaken.
            if !self.passed_over.remove(&(decoded.wallet, decoded.version)) {
                self.counts.repeats += 1;
            }
            return;
        }
        if decoded.version == seen.last + 1 {
            self.check_chain(stored, decoded, row, &seen.hash);
        } else {
            self.overtakes(stored, decoded, seen.last);
        }
        self.wallets.insert(decoded.wallet, Progress { first: seen.first, ..begins });
    }

    /// A message that cannot be decoded.
    pub(super) fn unreadable(&mut self, stored: &StoredMessage, reason: &str) {
        self.counts.messages += 1;
        self.findings.add(IS_READABLE, || {
            format!("partition {}, offset {}: {reason}", stored.partition, stored.offset)
        });
    }

    /// The rule that the message breaks beside the books' row, and how.
    fn difference(
        &self,
        stored: &StoredMessage,
        decoded: &Decoded,
        row: Option<&LogRow>,
    ) -> Option<(&'static str, String)> {
        let Some(row) = row else { return Some((IS_IN_BOOKS, String::new())) };
        let books = BooksId { generation: decoded.generation, ..self.books };
        let difference = match Event::of(row, &stored.message.topic, books) {
            Ok(event) => decoded.difference(stored, &event, row, books),
            Err(error) => Some(error.to_string()),
        };
        Some((IS_EQUAL, format!(": {}", difference?)))
    }

    fn check_chain(
        &mut self,
        stored: &StoredMessage,
        decoded: &Decoded,
        row: Option<&LogRow>,
        previous: &[u8; 32],
    ) {
        let (Body::Money(event), Some(LogRow::Entry(row))) = (&decoded.body, row) else { return };
        let hash = chained(event, row.kind.code(), previous);
        if hash.is_none() || hash != hash_of(event) {
            self.findings.add(IS_CHAINED, || place(stored, decoded));
        }
    }

    fn overtakes(&mut self, stored: &StoredMessage, decoded: &Decoded, last: i64) {
        self.findings.add(IS_IN_ORDER, || match last {
            0 => format!("{}: is the wallet's first", place(stored, decoded)),
            last => format!("{}: comes after {last}", place(stored, decoded)),
        });
        let room = PASSED_OVER_MAX.saturating_sub(self.passed_over.len());
        self.passed_over
            .extend((last + 1..decoded.version).take(room).map(|version| (decoded.wallet, version)));
    }
}

fn place(stored: &StoredMessage, decoded: &Decoded) -> String {
    let Decoded { wallet, version, .. } = decoded;
    format!("wallet {wallet}, version {version} (partition {}, offset {})", stored.partition, stored.offset)
}
