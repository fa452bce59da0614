//! The audit of a topic: it is read from its beginning to its end and compared with the books, in both directions.
//!
//! | step | what is compared |
//! | --- | --- |
//! | note the relay's cursor, then where the topic ends | what is below the cursor was confirmed before, so it is there |
//! | read the topic, a chunk at a time | each message with the books' row of its wallet and version; its version and its hash with those before it |
//! | go through the wallets | what the topic did not show of each, up to the cursor |

mod chain;
mod comparison;
mod decoded;
pub mod store;

use std::collections::{HashMap, HashSet};

use thiserror::Error;
use uuid::Uuid;

use comparison::{Comparison, IS_PUBLISHED};
pub use comparison::{Counts, RULES};
use decoded::Decoded;

use super::{
    bus::BusError,
    topic_reader::{PartitionRange, StoredMessage, TopicReader},
};
use crate::{
    db::{Connection, DbError},
    kernel::{
        finding::{Finding, ROWS_PER_FINDING},
        ids::WalletId,
    },
    ledger::log::{self, Follower, Log, LogRow, Reader},
};

/// Wallets that are asked for in one statement.
const PAGE: u16 = 2_000;

/// A topic that is to be compared with a log.
#[derive(Clone, Copy, Debug)]
pub struct TopicAudit<'a> {
    pub database_url: &'a str,
    pub log: Log,
    pub topic: &'a str,
    /// Rows up to this position need not be in the topic; 0 asks for all of them.
    pub from: i64,
}

/// The outcome of a comparison.
#[derive(Clone, Debug)]
pub struct TopicAudited {
    /// Empty: books and topic agree.
    pub findings: Vec<Finding>,
    pub counts: Counts,
    /// Wallets with a message in the topic.
    pub wallets: usize,
    /// Rows of the log beyond the relay's cursor, which are not expected in the topic yet.
    pub waiting: i64,
    /// Rows up to this position were not missed: the topic's beginning is gone, or the caller did not ask for them.
    pub from: i64,
    /// Wallets whose messages begin after version 1, with the version at which the check begins; at most 20.
    pub begin_later: Vec<(WalletId, i64)>,
    /// How many wallets those are in all.
    pub begin_later_count: usize,
}

/// The comparison could not be made.
#[derive(Debug, Error)]
pub enum TopicAuditError {
    #[error(transparent)]
    Db(#[from] DbError),
    #[error(transparent)]
    Bus(#[from] BusError),
}

/// Compares a topic with the books. Nothing is changed anywhere, and money may move meanwhile.
pub async fn audit_topic(
    reader: &dyn TopicReader,
    asked: TopicAudit<'_>,
) -> Result<TopicAudited, TopicAuditError> {
    let mut conn = store::connect(asked.database_url).await?;
    // In this order: a cursor that moved after the ends were noted would include rows beyond them.
    let cursor = Follower::relay(asked.log).position(&mut conn).await?;
    let books = log::standing(&mut conn, asked.log).await?.books;
    let mut rows = Reader::new(asked.log);
    let mut topic = reader.open(asked.topic).await?;
    let mut begin = Beginning::of(topic.partitions(), asked.from, cursor);
    let mut comparison = Comparison::with(books);
    loop {
        let chunk = topic.next().await?;
        if chunk.is_empty() {
            break;
        }
        take(&mut conn, &mut rows, &chunk, &mut begin, &mut comparison).await?;
    }
    finish(conn, asked.log, cursor, begin.from, comparison).await
}

/// From where on the topic must be whole.
struct Beginning {
    /// Rows up to this position are not missed.
    from: i64,
    /// Partitions that lack their beginning.
    cut: HashSet<i32>,
    /// Those of them of which no message was found in the books yet.
    open: HashSet<i32>,
}

impl Beginning {
    fn of(partitions: &[PartitionRange], from: i64, cursor: i64) -> Self {
        let is_cut = |range: &&PartitionRange| range.begin > 0;
        let cut: HashSet<i32> = partitions.iter().filter(is_cut).map(|range| range.partition).collect();
        // An emptied partition does not say how far its wallets had come.
        let is_emptied = partitions.iter().any(|range| is_cut(&range) && range.begin == range.end);
        let from = if is_emptied { from.max(cursor) } else { from };
        Self { from, open: cut.clone(), cut }
    }

    /// A partition is in the order of positions, so what is older than its first message is what was removed.
    fn saw(&mut self, stored: &StoredMessage, row: Option<&LogRow>) {
        if let Some(row) = row
            && self.open.remove(&stored.partition)
        {
            self.from = self.from.max(row.position());
        }
    }
}

async fn take(
    conn: &mut Connection,
    rows: &mut Reader,
    chunk: &[StoredMessage],
    begin: &mut Beginning,
    comparison: &mut Comparison,
) -> Result<(), DbError> {
    let all: Vec<Result<Decoded, String>> =
        chunk.iter().map(|stored| Decoded::decode(rows.log(), stored)).collect();
    let mut keys: Vec<(WalletId, i64)> =
        all.iter().flatten().map(|decoded| (decoded.wallet, decoded.version)).collect();
    keys.sort_unstable();
    keys.dedup();
    let rows: HashMap<(WalletId, i64), LogRow> =
        rows.find(conn, &keys).await?.into_iter().map(|row| (row.key(), row)).collect();
    for (stored, decoded) in chunk.iter().zip(&all) {
        match decoded {
            Ok(decoded) => {
                let row = rows.get(&(decoded.wallet, decoded.version));
                begin.saw(stored, row);
                let is_whole = begin.from == 0 && !begin.cut.contains(&stored.partition);
                comparison.take(stored, decoded, row, is_whole);
            }
            Err(reason) => comparison.unreadable(stored, reason),
        }
    }
    Ok(())
}

/// Compares in the other direction: what the books have and the topic did not show.
async fn finish(
    mut conn: Connection,
    log: Log,
    cursor: i64,
    from: i64,
    mut comparison: Comparison,
) -> Result<TopicAudited, TopicAuditError> {
    let mut missing: Vec<(WalletId, i64)> = comparison.passed_over.iter().copied().collect();
    let later: Vec<(WalletId, i64)> = comparison
        .wallets
        .iter()
        .filter(|(_, seen)| seen.first > 1)
        .map(|(wallet, seen)| (*wallet, seen.first))
        .collect();
    for page in later.chunks(PAGE.into()) {
        let before: Vec<(WalletId, i64)> = page.iter().map(|(wallet, first)| (*wallet, first - 1)).collect();
        missing.extend(store::rows_above(&mut conn, log, &before, from).await?);
    }
    let mut after = WalletId(Uuid::nil());
    loop {
        let page = store::last_versions(&mut conn, log, after, PAGE.into()).await?;
        let Some((last, _)) = page.last() else { break };
        after = *last;
        let shown = |wallet| comparison.wallets.get(wallet).map_or(0, |seen| seen.last);
        let behind: Vec<(WalletId, i64)> = page
            .iter()
            .map(|(wallet, version)| (*wallet, *version, shown(wallet)))
            .filter(|(_, version, shown)| version > shown)
            .map(|(wallet, _, shown)| (wallet, shown))
            .collect();
        if !behind.is_empty() {
            let limit = i64::try_from(ROWS_PER_FINDING).unwrap_or(i64::MAX);
            missing.extend(store::rows_beyond(&mut conn, log, &behind, from, cursor, limit).await?);
        }
    }
    for (wallet, version) in missing {
        comparison.findings.add(IS_PUBLISHED, || format!("wallet {wallet}, version {version}"));
    }
    Ok(TopicAudited {
        findings: comparison.findings.into_vec(),
        counts: comparison.counts,
        wallets: comparison.wallets.len(),
        waiting: store::count_beyond(&mut conn, log, cursor).await?,
        from,
        begin_later: later.iter().copied().take(ROWS_PER_FINDING).collect(),
        begin_later_count: later.len(),
    })
}
