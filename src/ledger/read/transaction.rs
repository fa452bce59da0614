//! One transaction, as one of its wallets sees it.

use sqlx::{Row, postgres::PgRow};

use super::entry_line::{HistoryItem, line};
use crate::{
    db::{DbError, Pool, ask},
    kernel::{
        buckets::Buckets,
        currency::Currency,
        ids::{OperationId, WalletId},
    },
    ledger::{
        error::LedgerError,
        fragments::{entry_line, visible_fee},
    },
};

/// A transaction as one of its wallets sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransactionView {
    pub item: HistoryItem,
    pub currency: Currency,
    /// What this wallet paid beside the amount, in minor units.
    pub fee: i64,
    pub note: Option<String>,
    /// The wallet on the other side of a transfer.
    pub counterparty: Option<WalletId>,
    /// The change of this wallet's buckets, and their values after it.
    pub delta: Buckets,
    pub after: Buckets,
}

/// A transaction and this wallet's entry of it.
pub const FIND: &str = concat!(
    "select ",
    entry_line!(),
    ", t.currency, t.note,
       ",
    visible_fee!(),
    " as fee,
       case e.kind when 3 then t.other_wallet_id when 4 then t.wallet_id end as counterparty,
       e.delta_available, e.delta_held, e.delta_unreleased, e.available, e.held, e.unreleased
from transactions t
cross join lateral (
    select * from entries e
    where e.wallet_id = $2::uuid and e.version = case when t.wallet_id = $2 then t.version else t.other_version end
    offset 0) e
where t.id = $1::uuid and (t.wallet_id = $2 or t.other_wallet_id = $2)"
);

/// A transaction of this wallet; none where it is another's, or nobody's.
pub async fn find(
    db: &Pool,
    wallet: WalletId,
    id: OperationId,
) -> Result<Option<TransactionView>, LedgerError> {
    let found = ask(db, |db| async move {
        let pool = db.get_postgres_connection_pool();
        Ok(sqlx::query(FIND).bind(id.0).bind(wallet.0).fetch_optional(pool).await?)
    })
    .await?;
    found.as_ref().map(view).transpose()
}

fn view(found: &PgRow) -> Result<TransactionView, LedgerError> {
    let buckets = |a, h, u| -> Result<Buckets, DbError> {
        Ok(Buckets { available: found.try_get(a)?, held: found.try_get(h)?, unreleased: found.try_get(u)? })
    };
    let text: String = found.try_get("currency").map_err(DbError::from)?;
    Ok(TransactionView {
        item: line(found)?,
        currency: text.parse().map_err(|_| LedgerError::Internal(format!("currency {text}")))?,
        fee: found.try_get("fee").map_err(DbError::from)?,
        note: found.try_get("note").map_err(DbError::from)?,
        counterparty: found.try_get::<Option<_>, _>("counterparty").map_err(DbError::from)?.map(WalletId),
        delta: buckets("delta_available", "delta_held", "delta_unreleased")?,
        after: buckets("available", "held", "unreleased")?,
    })
}
