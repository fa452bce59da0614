//! Reading what was written, in order: the log of money (`entries`) and the log of status (`status_changes`), and the
//! gate that keeps a reader from skipping the rows of a slower batch.

use std::{collections::HashMap, str::FromStr, time::Duration};

use sqlx::{PgConnection, Row, postgres::PgRow};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::{
    entry::TransactionStatus,
    operation::Kind,
    store::{self, LOG_LOCK},
    wallet_state::{Buckets, Status},
};
use crate::{
    db::{DbError, in_time},
    kernel::{
        clock::Timestamp,
        currency::Currency,
        ids::{OperationId, ReferenceId, WalletId, Xid},
    },
};

/// One of the ledger's two logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Log {
    Entries,
    StatusChanges,
}

/// A row of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogRow {
    Entry(EntryRow),
    StatusChange(StatusChangeRow),
}

/// An entry with what the world is told beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryRow {
    pub position: i64,
    pub wallet: WalletId,
    pub owner: Xid,
    pub version: i64,
    pub transaction: OperationId,
    pub kind: Kind,
    pub status: TransactionStatus,
    /// As asked, in minor units.
    pub amount: i64,
    /// What the entry's wallet paid; 0 on the receiving side of a transfer.
    pub fee: i64,
    pub currency: Currency,
    /// None on the receiving side of a transfer: it is the sender's own.
    pub reference: Option<ReferenceId>,
    pub delta: Buckets,
    pub after: Buckets,
    pub occurred_at: Timestamp,
    pub hash: [u8; 32],
}

/// A status change with what the world is told beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusChangeRow {
    pub position: i64,
    pub wallet: WalletId,
    pub owner: Xid,
    pub status_version: i64,
    pub status: Status,
    pub frozen: bool,
    pub occurred_at: Timestamp,
}

impl LogRow {
    /// The row's place in its log.
    #[must_use]
    pub fn position(&self) -> i64 {
        match self {
            Self::Entry(row) => row.position,
            Self::StatusChange(row) => row.position,
        }
    }
}

impl Log {
    /// The log's name in `cursors`; also its table.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Entries => "entries",
            Self::StatusChanges => "status_changes",
        }
    }

    const fn last_position(self) -> &'static str {
        match self {
            Self::Entries => "select last_value - (not is_called)::int from entries_position_seq",
            Self::StatusChanges => {
                "select last_value - (not is_called)::int from status_changes_position_seq"
            }
        }
    }

    const fn read(self) -> &'static str {
        match self {
            Self::Entries => READ_ENTRIES,
            Self::StatusChanges => READ_STATUS_CHANGES,
        }
    }
}

/// How often the gate is asked again.
const GATE_PAUSE: Duration = Duration::from_millis(2);

/// Who holds the log's shared lock now: the batches that may still commit a position already handed out.
const WRITERS: &str = "\
select coalesce(array_agg(virtualtransaction), '{}') from pg_locks
where locktype = 'advisory' and classid = $1::int4::oid and objid = $2::int4::oid
  and database = (select oid from pg_database where datname = current_database())";

/// Reads a stretch of the log of money. A left join, so that a row without its transaction stops the reader loudly
/// instead of being skipped.
pub const READ_ENTRIES: &str = "\
select e.position, e.wallet_id, e.version, e.transaction_id, e.kind, t.status, t.amount,
       case when e.kind = 4 then 0 else t.fee end as fee, t.currency,
       case when e.kind <> 4 then t.reference_id end as reference_id,
       e.delta_available, e.delta_held, e.delta_unreleased, e.available, e.held, e.unreleased, e.occurred_at, e.hash
from (select * from entries where position > $1 and position <= $2 order by position limit $3) e
left join lateral (select * from transactions t where t.id = e.transaction_id offset 0) t on true
order by e.position";

/// As [`READ_ENTRIES`], of the log of status.
pub const READ_STATUS_CHANGES: &str = "\
select s.position, s.wallet_id, s.status_version, s.status, s.frozen, s.occurred_at
from status_changes s where s.position > $1 and s.position <= $2 order by s.position limit $3";

/// So many owners are remembered at most; then the memory begins anew. About 10 MiB.
const OWNERS_MAX: usize = 100_000;

/// The last position that the log has handed out, committed or not; 0 before the first.
pub async fn last_position(conn: &mut PgConnection, log: Log) -> Result<i64, DbError> {
    Ok(sqlx::query(log.last_position()).fetch_one(conn).await?.try_get(0)?)
}

/// The batches that hold the log's lock at this moment, as virtual transaction ids.
pub async fn writers(conn: &mut PgConnection) -> Result<Vec<String>, DbError> {
    let (class, object) = LOG_LOCK;
    Ok(sqlx::query(WRITERS).bind(class).bind(object).fetch_one(conn).await?.try_get(0)?)
}

/// Waits until every batch that may still commit a position already handed out has gone; `waiting` hears for how long.
pub async fn gate(conn: &mut PgConnection, mut waiting: impl FnMut(Duration)) -> Result<(), DbError> {
    let since = Instant::now();
    let before = in_time(writers(conn)).await?;
    let mut now = before.clone();
    while now.iter().any(|writer| before.contains(writer)) {
        waiting(since.elapsed());
        sleep(GATE_PAUSE).await;
        now = in_time(writers(conn)).await?;
    }
    Ok(())
}

/// Reads a log in order, and remembers whose wallets it has met: to look them up anew for every row would be most of
/// the work.
#[derive(Default)]
pub struct LogReader {
    owners: HashMap<WalletId, Xid>,
}

impl LogReader {
    /// The rows beyond `after`, up to and with `up_to`, in order, at most `limit`.
    pub async fn read(
        &mut self,
        conn: &mut PgConnection,
        log: Log,
        after: i64,
        up_to: i64,
        limit: usize,
    ) -> Result<Vec<LogRow>, DbError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = sqlx::query(log.read()).bind(after).bind(up_to).bind(limit).fetch_all(&mut *conn).await?;
        self.meet(conn, &rows).await?;
        rows.iter()
            .map(|row| match log {
                Log::Entries => self.entry(row).map(LogRow::Entry),
                Log::StatusChanges => self.status_change(row).map(LogRow::StatusChange),
            })
            .collect()
    }

    /// Asks for the owners that are not known yet.
    async fn meet(&mut self, conn: &mut PgConnection, rows: &[PgRow]) -> Result<(), DbError> {
        if self.owners.len() > OWNERS_MAX {
            self.owners.clear();
        }
        let mut unknown = Vec::new();
        for row in rows {
            let wallet = WalletId(row.try_get("wallet_id")?);
            if !self.owners.contains_key(&wallet) {
                unknown.push(wallet);
            }
        }
        if unknown.is_empty() {
            return Ok(());
        }
        unknown.sort_unstable();
        unknown.dedup();
        self.owners.extend(store::owners(conn, &unknown).await?);
        Ok(())
    }

    fn owner(&self, wallet: WalletId) -> Option<Xid> {
        self.owners.get(&wallet).copied()
    }

    fn entry(&self, row: &PgRow) -> Result<EntryRow, DbError> {
        let position = row.try_get("position")?;
        let wallet = WalletId(row.try_get("wallet_id")?);
        let unreadable = |column| unreadable(Log::Entries, position, column);
        let hash: &[u8] = row.try_get("hash")?;
        let currency: &str = row.try_get("currency").map_err(|_| unreadable("its transaction"))?;
        let buckets = |a, h, u| -> Result<Buckets, DbError> {
            Ok(Buckets { available: row.try_get(a)?, held: row.try_get(h)?, unreleased: row.try_get(u)? })
        };
        Ok(EntryRow {
            position,
            wallet,
            owner: self.owner(wallet).ok_or_else(|| unreadable("its customer"))?,
            version: row.try_get("version")?,
            transaction: OperationId(row.try_get("transaction_id")?),
            kind: Kind::from_code(row.try_get("kind")?).ok_or_else(|| unreadable("kind"))?,
            status: TransactionStatus::from_code(row.try_get("status")?)
                .ok_or_else(|| unreadable("status"))?,
            amount: row.try_get("amount")?,
            fee: row.try_get("fee")?,
            currency: Currency::from_str(currency).map_err(|_| unreadable("currency"))?,
            reference: row.try_get::<Option<Uuid>, _>("reference_id")?.map(ReferenceId),
            delta: buckets("delta_available", "delta_held", "delta_unreleased")?,
            after: buckets("available", "held", "unreleased")?,
            occurred_at: row.try_get("occurred_at")?,
            hash: hash.try_into().map_err(|_| unreadable("hash"))?,
        })
    }

    fn status_change(&self, row: &PgRow) -> Result<StatusChangeRow, DbError> {
        let position = row.try_get("position")?;
        let wallet = WalletId(row.try_get("wallet_id")?);
        let unreadable = |column| unreadable(Log::StatusChanges, position, column);
        Ok(StatusChangeRow {
            position,
            wallet,
            owner: self.owner(wallet).ok_or_else(|| unreadable("its customer"))?,
            status_version: row.try_get("status_version")?,
            status: Status::from_code(row.try_get("status")?).ok_or_else(|| unreadable("status"))?,
            frozen: row.try_get("frozen")?,
            occurred_at: row.try_get("occurred_at")?,
        })
    }
}

fn unreadable(log: Log, position: i64, column: &str) -> DbError {
    DbError::Defect(format!("{} at position {position}: {column} cannot be read", log.name()))
}
