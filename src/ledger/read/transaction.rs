//! One transaction, as one of its wallets sees it.

use sqlx::{Row, postgres::PgRow};

use super::entry_line::{HistoryItem, line};
use crate::{
    db::{DbError, Pool, ask},
    kernel::{
        buckets::Buckets,
        clock::Timestamp,
        currency::Currency,
        ids::{OperationId, WalletId},
    },
    ledger::{
        error::LedgerError,
        fragments::{entry_line, step, visible_fee},
        kind::Kind,
    },
};

/// A transaction as one of its wallets sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransactionView {
    pub item: HistoryItem,
    pub currency: Currency,
    /// What this wallet paid beside the amount, over all steps, in minor units.
    pub fee: i64,
    pub note: Option<String>,
    /// The wallet on the other side of a transfer or of a capture.
    pub counterparty: Option<WalletId>,
    /// What it changed in this wallet, the first one first; never empty.
    pub entries: Vec<EntryView>,
}

/// One entry of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntryView {
    pub version: i64,
    pub kind: Kind,
    pub occurred_at: Timestamp,
    /// The change of the wallet's buckets, and their values after it, in minor units.
    pub delta: Buckets,
    pub after: Buckets,
}

/// A transaction and this wallet's entries of it, in their order.
pub const FIND: &str = concat!(
    "select ",
    entry_line!(),
    ", t.currency, t.note,
       ",
    visible_fee!(),
    " as fee,
       case when e.kind = 3 then t.other_wallet_id when e.kind in (4, 9) then t.wallet_id
            else s.other_wallet_id end as counterparty,
       e.delta_available, e.delta_held, e.delta_unreleased, e.available, e.held, e.unreleased
from (select * from transactions t where t.id = $1::uuid offset 0) t
cross join lateral (
    select t.version as version where t.wallet_id = $2::uuid
    union all
    select t.other_version where t.other_wallet_id = $2
    union all
    select case when f.wallet_id = $2 then f.version else f.other_version end
    from steps f where f.transaction_id = t.id and $2 in (f.wallet_id, f.other_wallet_id)) k
cross join lateral (select * from entries e where e.wallet_id = $2 and e.version = k.version offset 0) e
",
    step!(),
    "
order by e.version"
);

/// A transaction of this wallet; none where it is another's, or does not exist.
pub async fn find(
    db: &Pool,
    wallet: WalletId,
    id: OperationId,
) -> Result<Option<TransactionView>, LedgerError> {
    let found = ask(db, |db| async move {
        let pool = db.get_postgres_connection_pool();
        Ok(sqlx::query(FIND).bind(id.0).bind(wallet.0).fetch_all(pool).await?)
    })
    .await?;
    found.first().map(|first| view(first, &found)).transpose()
}

fn view(first: &PgRow, all: &[PgRow]) -> Result<TransactionView, LedgerError> {
    let (mut fee, mut counterparty) = (0, None);
    for row in all {
        fee += row.try_get::<i64, _>("fee").map_err(DbError::from)?;
        counterparty = counterparty.or(row.try_get::<Option<_>, _>("counterparty").map_err(DbError::from)?);
    }
    let text: String = first.try_get("currency").map_err(DbError::from)?;
    Ok(TransactionView {
        item: line(first)?,
        currency: text.parse().map_err(|_| LedgerError::Internal(format!("currency {text}")))?,
        fee,
        note: first.try_get("note").map_err(DbError::from)?,
        counterparty: counterparty.map(WalletId),
        entries: all.iter().map(entry).collect::<Result<_, _>>()?,
    })
}

fn entry(row: &PgRow) -> Result<EntryView, DbError> {
    let buckets = |a, h, u| -> Result<Buckets, DbError> {
        Ok(Buckets { available: row.try_get(a)?, held: row.try_get(h)?, unreleased: row.try_get(u)? })
    };
    let version = row.try_get("version")?;
    let unreadable = || DbError::Defect(format!("entry {version} cannot be read"));
    Ok(EntryView {
        version,
        kind: Kind::from_code(row.try_get("kind")?).ok_or_else(unreadable)?,
        occurred_at: row.try_get("occurred_at")?,
        delta: buckets("delta_available", "delta_held", "delta_unreleased")?,
        after: buckets("available", "held", "unreleased")?,
    })
}
