//! Holds: one of them, and what is reserved in a wallet.

use std::str::FromStr;

use sqlx::{Row, postgres::PgRow};
use uuid::Uuid;

use super::due_page::due_page;
use crate::{
    db::{DbError, Pool, ask},
    kernel::{
        clock::Timestamp,
        currency::Currency,
        ids::{OperationId, ReferenceId, WalletId},
        pagination::{DueCursor, Page, PageRequest},
    },
    ledger::{error::LedgerError, kind::Kind},
};

/// The columns of a hold `h`, its transaction `t`, and the step `s` that has closed it.
macro_rules! hold_columns {
    () => {
        "select h.transaction_id, h.wallet_id, h.amount, h.expires_at, t.currency, t.reference_id, t.note, t.created_at,
       s.kind as end_kind, s.amount as end_amount, s.fee, s.other_wallet_id, s.created_at as ended_at
"
    };
}

/// The transaction of a hold `h`, and the step that has closed it.
macro_rules! hold_joins {
    () => {
        "
cross join lateral (select * from transactions t where t.id = h.transaction_id offset 0) t
left join lateral (select * from steps s where s.id = h.closed_by offset 0) s on true
"
    };
}

/// One hold.
pub const FIND_HOLD: &str = concat!(
    hold_columns!(),
    "from (select * from holds h where h.transaction_id = $1::uuid offset 0) h",
    hold_joins!()
);

/// A wallet's open holds after one, in the order of their expiries.
pub const OPEN_HOLDS: &str = concat!(
    hold_columns!(),
    "from (select * from holds h
      where h.wallet_id = $1::uuid and h.closed_by is null and (h.expires_at, h.transaction_id) > ($2::timestamptz, $3::uuid)
      order by h.expires_at, h.transaction_id limit $4) h",
    hold_joins!(),
    "order by h.expires_at, h.transaction_id"
);

/// A hold. Money is in minor units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HoldView {
    /// Its transaction.
    pub id: OperationId,
    pub wallet: WalletId,
    pub amount: i64,
    pub currency: Currency,
    pub expires_at: Timestamp,
    pub reference: Option<ReferenceId>,
    pub note: Option<String>,
    pub placed_at: Timestamp,
    /// None: it is open.
    pub end: Option<HoldEnd>,
}

/// How a hold has ended. Money is in minor units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HoldEnd {
    pub kind: Kind,
    /// What was captured, or given back.
    pub amount: i64,
    pub fee: i64,
    /// The wallet that got it.
    pub to: Option<WalletId>,
    pub at: Timestamp,
}

/// A hold by its id.
pub async fn find_hold(db: &Pool, id: OperationId) -> Result<Option<HoldView>, LedgerError> {
    let row = ask(db, move |db| async move {
        Ok(sqlx::query(FIND_HOLD).bind(id.0).fetch_optional(db.get_postgres_connection_pool()).await?)
    });
    Ok(row.await?.as_ref().map(decode).transpose()?)
}

/// A page of a wallet's open holds.
pub async fn open_holds(
    db: &Pool,
    wallet: WalletId,
    page: PageRequest<DueCursor>,
) -> Result<Page<HoldView, DueCursor>, LedgerError> {
    let (after, id) =
        page.after.map_or((Timestamp::UNIX_EPOCH, Uuid::nil()), |after| (after.due_at, after.id));
    let rows = ask(db, move |db| async move {
        let query = sqlx::query(OPEN_HOLDS).bind(wallet.0).bind(after).bind(id);
        Ok(query.bind(i64::from(page.limit) + 1).fetch_all(db.get_postgres_connection_pool()).await?)
    });
    let items = rows.await?.iter().map(decode).collect::<Result<_, _>>()?;
    Ok(due_page(items, page.limit, |hold: &HoldView| DueCursor { due_at: hold.expires_at, id: hold.id.0 }))
}

fn decode(row: &PgRow) -> Result<HoldView, DbError> {
    let id = OperationId(row.try_get("transaction_id")?);
    let unreadable = |column| DbError::Defect(format!("hold {id}: {column} cannot be read"));
    let end = match row.try_get::<Option<i16>, _>("end_kind")? {
        None => None,
        Some(code) => Some(HoldEnd {
            kind: Kind::from_code(code).ok_or_else(|| unreadable("its end"))?,
            amount: row.try_get("end_amount")?,
            fee: row.try_get("fee")?,
            to: row.try_get::<Option<_>, _>("other_wallet_id")?.map(WalletId),
            at: row.try_get("ended_at")?,
        }),
    };
    Ok(HoldView {
        id,
        wallet: WalletId(row.try_get("wallet_id")?),
        amount: row.try_get("amount")?,
        currency: Currency::from_str(row.try_get("currency")?).map_err(|_| unreadable("currency"))?,
        expires_at: row.try_get("expires_at")?,
        reference: row.try_get::<Option<_>, _>("reference_id")?.map(ReferenceId),
        note: row.try_get("note")?,
        placed_at: row.try_get("created_at")?,
        end,
    })
}
