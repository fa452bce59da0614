//! Reading a log in the order of its positions.

use std::{collections::HashMap, str::FromStr};

use sqlx::{PgConnection, Row, postgres::PgRow};
use uuid::Uuid;

use super::rows::{EntryRow, Log, LogRow, StatusChangeRow};
use crate::{
    db::DbError,
    kernel::{
        currency::Currency,
        ids::{OperationId, ReferenceId, WalletId, Xid},
    },
    ledger::{
        entry::TransactionStatus,
        fragments::{entry_status, visible_fee, visible_reference},
        operation::Kind,
        store,
        wallet_state::{Buckets, Status},
    },
};

/// Reads a stretch of the log of money. A left join, so that a row without its transaction stops the reader loudly
/// instead of being skipped.
pub const READ_ENTRIES: &str = concat!(
    "select e.position, e.wallet_id, e.version, e.transaction_id, e.kind, ",
    entry_status!(),
    " as status, t.amount,
       ",
    visible_fee!(),
    " as fee, t.currency,
       ",
    visible_reference!(),
    " as reference_id,
       e.delta_available, e.delta_held, e.delta_unreleased, e.available, e.held, e.unreleased, e.occurred_at, e.hash
from (select * from entries where position > $1 and position <= $2 order by position limit $3) e
left join lateral (select * from transactions t where t.id = e.transaction_id offset 0) t on true
order by e.position"
);

/// As [`READ_ENTRIES`], of the log of status.
pub const READ_STATUS_CHANGES: &str = "\
select s.position, s.wallet_id, s.status_version, s.status, s.frozen, s.occurred_at
from status_changes s where s.position > $1 and s.position <= $2 order by s.position limit $3";

/// The rows of the log of money with these wallets and versions, as [`READ_ENTRIES`] has them.
pub const FIND_ENTRIES: &str = concat!(
    "select e.position, e.wallet_id, e.version, e.transaction_id, e.kind, ",
    entry_status!(),
    " as status, t.amount,
       ",
    visible_fee!(),
    " as fee, t.currency,
       ",
    visible_reference!(),
    " as reference_id,
       e.delta_available, e.delta_held, e.delta_unreleased, e.available, e.held, e.unreleased, e.occurred_at, e.hash
from unnest($1::uuid[], $2::int8[]) k (wallet_id, version)
cross join lateral (select * from entries e where e.wallet_id = k.wallet_id and e.version = k.version offset 0) e
left join lateral (select * from transactions t where t.id = e.transaction_id offset 0) t on true"
);

/// As [`FIND_ENTRIES`], of the log of status.
pub const FIND_STATUS_CHANGES: &str = "\
select s.position, s.wallet_id, s.status_version, s.status, s.frozen, s.occurred_at
from unnest($1::uuid[], $2::int8[]) k (wallet_id, version)
cross join lateral (select * from status_changes s
                    where s.wallet_id = k.wallet_id and s.status_version = k.version offset 0) s";

/// The maximum number of owners remembered; beyond it the memory begins anew. About 10 MiB.
const OWNERS_MAX: usize = 100_000;

impl Log {
    const fn read(self) -> &'static str {
        match self {
            Self::Entries => READ_ENTRIES,
            Self::StatusChanges => READ_STATUS_CHANGES,
        }
    }

    const fn find(self) -> &'static str {
        match self {
            Self::Entries => FIND_ENTRIES,
            Self::StatusChanges => FIND_STATUS_CHANGES,
        }
    }
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
        self.decode(conn, log, &rows).await
    }

    /// The rows with these wallets and versions, as far as they exist, in no order.
    pub async fn find(
        &mut self,
        conn: &mut PgConnection,
        log: Log,
        keys: &[(WalletId, i64)],
    ) -> Result<Vec<LogRow>, DbError> {
        let (wallets, versions): (Vec<Uuid>, Vec<i64>) =
            keys.iter().map(|(wallet, version)| (wallet.0, *version)).unzip();
        let rows = sqlx::query(log.find()).bind(wallets).bind(versions).fetch_all(&mut *conn).await?;
        self.decode(conn, log, &rows).await
    }

    async fn decode(
        &mut self,
        conn: &mut PgConnection,
        log: Log,
        rows: &[PgRow],
    ) -> Result<Vec<LogRow>, DbError> {
        self.meet(conn, rows).await?;
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
