//! Reading a log in the order of its positions.

use std::str::FromStr;

use sqlx::{PgConnection, Row, postgres::PgRow};
use uuid::Uuid;

use super::rows::{EntryRow, Log, LogRow, StatusChangeRow};
use crate::{
    db::DbError,
    kernel::{
        buckets::Buckets,
        currency::Currency,
        ids::{OperationId, ReferenceId, WalletId, Xid},
        status::Status,
    },
    ledger::{
        entry::TransactionStatus,
        fragments::{entry_status, step, step_amount, visible_fee, visible_reference},
        kind::Kind,
    },
};

/// The columns of an entry's row, out of an entry `e`, its transaction `t`, its step `s` and its wallet `w`.
macro_rules! entry_columns {
    () => {
        concat!(
            "select e.position, e.wallet_id, w.owner_xid, e.version, e.transaction_id, e.kind, ",
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

/// The columns of a status change's row, out of the status change `s` and its wallet `w`.
macro_rules! status_change_columns {
    () => {
        "select s.position, s.wallet_id, w.owner_xid, s.status_version, s.status, s.frozen, s.occurred_at"
    };
}

/// Reads a stretch of the log of money. Left joins, so that a row without its transaction or its wallet stops the reader
/// loudly instead of being skipped.
pub const READ_ENTRIES: &str = concat!(
    entry_columns!(),
    "
from (select * from entries where position > $1 and position <= $2 order by position limit $3) e
left join lateral (select * from transactions t where t.id = e.transaction_id offset 0) t on true
",
    step!(),
    "
left join lateral (select w.owner_xid from wallets w where w.id = e.wallet_id offset 0) w on true
order by e.position"
);

/// As [`READ_ENTRIES`], of the log of status.
pub const READ_STATUS_CHANGES: &str = concat!(
    status_change_columns!(),
    "
from (select * from status_changes where position > $1 and position <= $2 order by position limit $3) s
left join lateral (select w.owner_xid from wallets w where w.id = s.wallet_id offset 0) w on true
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
    "
left join lateral (select w.owner_xid from wallets w where w.id = e.wallet_id offset 0) w on true"
);

/// As [`FIND_ENTRIES`], of the log of status.
pub const FIND_STATUS_CHANGES: &str = concat!(
    status_change_columns!(),
    "
from unnest($1::uuid[], $2::int8[]) k (wallet_id, version)
cross join lateral (select * from status_changes s
                    where s.wallet_id = k.wallet_id and s.status_version = k.version offset 0) s
left join lateral (select w.owner_xid from wallets w where w.id = s.wallet_id offset 0) w on true"
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

/// The rows beyond `after`, up to and with `up_to`, in order, at most `limit`.
pub async fn read(
    conn: &mut PgConnection,
    log: Log,
    after: i64,
    up_to: i64,
    limit: usize,
) -> Result<Vec<LogRow>, DbError> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = sqlx::query(log.read()).bind(after).bind(up_to).bind(limit).fetch_all(conn).await?;
    rows.iter().map(|row| decode(log, row)).collect()
}

/// The rows with these wallets and versions, as far as they exist, in no order.
pub async fn find(
    conn: &mut PgConnection,
    log: Log,
    keys: &[(WalletId, i64)],
) -> Result<Vec<LogRow>, DbError> {
    let (wallets, versions): (Vec<Uuid>, Vec<i64>) =
        keys.iter().map(|(wallet, version)| (wallet.0, *version)).unzip();
    let rows = sqlx::query(log.find()).bind(wallets).bind(versions).fetch_all(conn).await?;
    rows.iter().map(|row| decode(log, row)).collect()
}

fn decode(log: Log, row: &PgRow) -> Result<LogRow, DbError> {
    match log {
        Log::Entries => entry(row).map(LogRow::Entry),
        Log::StatusChanges => status_change(row).map(LogRow::StatusChange),
    }
}

fn entry(row: &PgRow) -> Result<EntryRow, DbError> {
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
        owner: owner(row).ok_or_else(|| unreadable("its wallet"))?,
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

fn status_change(row: &PgRow) -> Result<StatusChangeRow, DbError> {
    let position = row.try_get("position")?;
    let wallet = WalletId(row.try_get("wallet_id")?);
    let unreadable = |column| unreadable(Log::StatusChanges, position, column);
    Ok(StatusChangeRow {
        position,
        wallet,
        owner: owner(row).ok_or_else(|| unreadable("its wallet"))?,
        status_version: row.try_get("status_version")?,
        status: Status::from_code(row.try_get("status")?).ok_or_else(|| unreadable("status"))?,
        frozen: row.try_get("frozen")?,
        occurred_at: row.try_get("occurred_at")?,
    })
}

fn owner(row: &PgRow) -> Option<Xid> {
    row.try_get("owner_xid").ok().map(Xid)
}

fn unreadable(log: Log, position: i64, column: &str) -> DbError {
    DbError::Defect(format!("{} at position {position}: {column} cannot be read", log.name()))
}
