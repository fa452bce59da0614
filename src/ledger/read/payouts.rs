//! Payouts of a wallet: one of them, and their list, newest first.

use std::str::FromStr;

use sqlx::{Row, postgres::PgRow};

use crate::{
    db::{DbError, Pool, ask},
    kernel::{
        clock::Timestamp,
        currency::Currency,
        ids::{OperationId, ReferenceId, WalletId},
        pagination::{Cursor, Page, PageRequest},
        payout_failure::PayoutFailure,
    },
    ledger::{entry::TransactionStatus, error::LedgerError, kind::Kind},
};

/// The columns of a payout `p`, its transaction `t`, the step `s` that has closed it, and the reversal `r`. Of the account's number
/// they have the last four characters.
macro_rules! payout {
    ($from:expr) => {
        concat!(
            "select p.transaction_id, p.version, p.amount, p.bank_code, right(p.account_number, 4) as last4, p.account_name,
       p.failure_code, t.currency, t.reference_id, t.created_at, s.kind as end_kind, s.created_at as ended_at,
       r.id as reversal_id, r.created_at as reversed_at
from (",
            $from,
            ") p
cross join lateral (select * from transactions t where t.id = p.transaction_id offset 0) t
left join lateral (select * from steps s where s.id = p.closed_by offset 0) s on true
left join lateral (select * from transactions r where r.id = p.reversed_by offset 0) r on true
order by p.version desc"
        )
    };
}

/// One payout of a wallet.
pub const FIND_PAYOUT: &str = payout!(
    "select * from (select * from payouts p where p.transaction_id = $1::uuid offset 0) p where p.wallet_id = $2::uuid"
);

/// A wallet's payouts before a version, the newest first.
pub const PAYOUTS: &str = payout!(
    "select * from payouts p where p.wallet_id = $1::uuid and p.version < $2 order by p.version desc limit $3"
);

/// A payout. Money is in minor units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PayoutView {
    /// Its transaction.
    pub id: OperationId,
    /// The number of its first entry in the wallet.
    pub version: i64,
    pub amount: i64,
    pub currency: Currency,
    pub bank_code: String,
    /// The end of the account's number.
    pub account_last4: String,
    pub account_name: String,
    pub reference: Option<ReferenceId>,
    pub requested_at: Timestamp,
    /// Success: the bank has paid, also where the money came back later.
    pub status: TransactionStatus,
    /// When the bank's answer was booked; none while it is pending.
    pub ended_at: Option<Timestamp>,
    /// Why it failed or came back.
    pub failure: Option<PayoutFailure>,
    /// The transaction by which it came back after the bank had paid, and when.
    pub reversal: Option<(OperationId, Timestamp)>,
}

/// A payout of this wallet; none where it is another's, or does not exist.
pub async fn find_payout(
    db: &Pool,
    wallet: WalletId,
    id: OperationId,
) -> Result<Option<PayoutView>, LedgerError> {
    let row = ask(db, move |db| async move {
        let query = sqlx::query(FIND_PAYOUT).bind(id.0).bind(wallet.0);
        Ok(query.fetch_optional(db.get_postgres_connection_pool()).await?)
    });
    Ok(row.await?.as_ref().map(decode).transpose()?)
}

/// A page of a wallet's payouts. A cursor is the version of the last one, so new ones never move a page.
pub async fn payouts(
    db: &Pool,
    wallet: WalletId,
    page: PageRequest,
) -> Result<Page<PayoutView>, LedgerError> {
    let before = page.after.map_or(i64::MAX, |cursor| cursor.0);
    let rows = ask(db, move |db| async move {
        let query = sqlx::query(PAYOUTS).bind(wallet.0).bind(before).bind(i64::from(page.limit) + 1);
        Ok(query.fetch_all(db.get_postgres_connection_pool()).await?)
    });
    let mut items = rows.await?.iter().map(decode).collect::<Result<Vec<_>, _>>()?;
    let is_last = items.len() <= usize::from(page.limit);
    items.truncate(usize::from(page.limit));
    let next = items.last().filter(|_| !is_last).map(|payout| Cursor(payout.version));
    Ok(Page { items, next })
}

fn decode(row: &PgRow) -> Result<PayoutView, DbError> {
    let id = OperationId(row.try_get("transaction_id")?);
    let unreadable = |column| DbError::Defect(format!("payout {id}: {column} cannot be read"));
    let end = row.try_get::<Option<i16>, _>("end_kind")?.map(Kind::from_code);
    let failure: Option<&str> = row.try_get("failure_code")?;
    let reversal: Option<uuid::Uuid> = row.try_get("reversal_id")?;
    Ok(PayoutView {
        id,
        version: row.try_get("version")?,
        amount: row.try_get("amount")?,
        currency: Currency::from_str(row.try_get("currency")?).map_err(|_| unreadable("currency"))?,
        bank_code: row.try_get("bank_code")?,
        account_last4: row.try_get("last4")?,
        account_name: row.try_get("account_name")?,
        reference: row.try_get::<Option<_>, _>("reference_id")?.map(ReferenceId),
        requested_at: row.try_get("created_at")?,
        status: match end {
            None => TransactionStatus::Pending,
            Some(Some(Kind::PayoutSettled)) => TransactionStatus::Completed,
            Some(Some(Kind::PayoutReturned)) => TransactionStatus::Refused,
            Some(_) => return Err(unreadable("its end")),
        },
        ended_at: row.try_get("ended_at")?,
        failure: failure
            .map(|word| PayoutFailure::from_word(word).ok_or_else(|| unreadable("failure_code")))
            .transpose()?,
        reversal: reversal
            .map(|id| row.try_get("reversed_at").map(|at| (OperationId(id), at)))
            .transpose()?,
    })
}
