//! Reading a log in the order of its positions.

use std::str::FromStr;

use sqlx::{PgConnection, Row, postgres::PgRow};
use uuid::Uuid;

use super::{
    owners::Owners,
    rows::{EntryRow, Log, LogRow, StatusChangeRow},
};
use crate::{
    db::DbError,
    kernel::{
        buckets::Buckets,
        currency::Currency,
        ids::{CustomerXid, OperationId, ReferenceId, WalletId},
        status::Status,
    },
    ledger::{
        entry::TransactionStatus,
        fragments::{entry_status, step, step_amount, visible_fee, visible_reference},
        kind::Kind,
    },
};

/// The columns of an entry's row, out of an entry `e`, its transaction `t` and its step `s`.
macro_rules! entry_columns {
    () => {
        concat!(
            "select e.position, e.wallet_id, e.version, e.transaction_id, e.kind, ",
            entry_status!(),
            " as status, ",
            step_amount!(),
            " as amount,
               ",
            visible_fee!(),
            " as fee, t.currency,
               ",
            visible_reference!(),
            " as reference_id,
               e.delta_available, e.delta_held, e.delta_unreleased, e.available, e.held, e.unreleased, e.occurred_at, e.hash"
        )
    };
}

/// The columns of a status change's row, out of the status change `s`.
macro_rules! status_change_columns {
    () => {
        "select s.position, s.wallet_id, s.status_version, s.status, s.frozen, s.occurred_at"
    };
}

/// Reads a stretch of the log of money. Left joins, so that a row without its transaction stops the reader loudly instead of
/// being skipped.
pub const READ_ENTRIES: &str = concat!(
    entry_columns!(),
    "
from (select * from entries where position > $1 and position <= $2 order by position limit $3) e
left join lateral (select * from transactions t where t.id = e.transaction_id offset 0) t on true
",
    step!(),
    "
order by e.position"
);

/// As [`READ_ENTRIES`], of the log of status.
pub const READ_STATUS_CHANGES: &str = concat!(
    status_change_columns!(),
    "
from (select * from status_changes where position > $1 and position <= $2 order by position limit $3) s
order by s.position"
);

/// The rows of the log of money with these wallets and versions, as [`READ_ENTRIES`] has them.
pub const FIND_ENTRIES: &str = concat!(
    entry_columns!(),
    "
from unnest($1::uuid[], $2::int8[]) k (wallet_id, version)
cross join lateral (select * from entries e where e.wallet_id = k.wallet_id and e.version = k.version offset 0) e
left join lateral (select * from transactions t where t.id = e.transaction_id offset 0) t on true
",
    step!(),
    ""
);

/// As [`FIND_ENTRIES`], of the log of status.
pub const FIND_STATUS_CHANGES: &str = concat!(
    status_change_columns!(),
    "
from unnest($1::uuid[], $2::int8[]) k (wallet_id, version)
cross join lateral (select * from status_changes s
                    where s.wallet_id = k.wallet_id and s.status_version = k.version offset 0) s"
);

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

/// Reads a log, and remembers whose the wallets are.
pub struct Reader {
    log: Log,
    owners: Owners,
}

impl Reader {
    #[must_use]
    pub fn new(log: Log) -> Self {
        Self { log, owners: Owners::default() }
    }

    /// The log that it reads.
    #[must_use]
    pub const fn log(&self) -> Log {
        self.log
    }

    /// The rows beyond `after`, up to and with `up_to`, in order, at most `limit`.
    pub async fn read(
        &mut self,
        conn: &mut PgConnection,
        after: i64,
        up_to: i64,
        limit: usize,
    ) -> Result<Vec<LogRow>, DbError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let read = sqlx::query(self.log.read()).bind(after).bind(up_to).bind(limit);
        let rows = read.fetch_all(&mut *conn).await?;
        self.decode(conn, &rows).await
    }

    /// The rows with these wallets and versions, as far as they exist, in no order.
    pub async fn find(
        &mut self,
        conn: &mut PgConnection,
        keys: &[(WalletId, i64)],
    ) -> Result<Vec<LogRow>, DbError> {
        let (wallets, versions): (Vec<Uuid>, Vec<i64>) =
            keys.iter().map(|(wallet, version)| (wallet.0, *version)).unzip();
        let find = sqlx::query(self.log.find()).bind(wallets).bind(versions);
        let rows = find.fetch_all(&mut *conn).await?;
        self.decode(conn, &rows).await
    }

    async fn decode(&mut self, conn: &mut PgConnection, rows: &[PgRow]) -> Result<Vec<LogRow>, DbError> {
        let wallets: Vec<WalletId> =
            rows.iter().map(|row| row.try_get("wallet_id").map(WalletId)).collect::<Result<_, _>>()?;
        let owners = self.owners.of(conn, &wallets).await?;
        rows.iter().zip(owners).map(|(row, owner)| decode(self.log, row, owner)).collect()
    }
}

/// A row of which `owner` is the wallet's, if the wallet exists.
fn decode(log: Log, row: &PgRow, owner: Option<CustomerXid>) -> Result<LogRow, DbError> {
    let position = row.try_get("position")?;
    let owner = owner.ok_or_else(|| unreadable(log, position, "its wallet"))?;
    match log {
        Log::Entries => entry(row, owner).map(LogRow::Entry),
        Log::StatusChanges => status_change(row, owner).map(LogRow::StatusChange),
    }
}

fn entry(row: &PgRow, owner: CustomerXid) -> Result<EntryRow, DbError> {
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
        owner,
        version: row.try_get("version")?,
        transaction: OperationId(row.try_get("transaction_id")?),
        kind: Kind::from_code(row.try_get("kind")?).ok_or_else(|| unreadable("kind"))?,
        status: TransactionStatus::from_code(row.try_get("status")?).ok_or_else(|| unreadable("status"))?,
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

fn status_change(row: &PgRow, owner: CustomerXid) -> Result<StatusChangeRow, DbError> {
    let position = row.try_get("position")?;
    let wallet = WalletId(row.try_get("wallet_id")?);
    let unreadable = |column| unreadable(Log::StatusChanges, position, column);
    Ok(StatusChangeRow {
        position,
        wallet,
        owner,
        status_version: row.try_get("status_version")?,
        status: Status::from_code(row.try_get("status")?).ok_or_else(|| unreadable("status"))?,
        frozen: row.try_get("frozen")?,
        occurred_at: row.try_get("occurred_at")?,
    })
}

fn unreadable(log: Log, position: i64, column: &str) -> DbError {
    DbError::Defect(format!("{} at position {position}: {column} cannot be read", log.name()))
}
