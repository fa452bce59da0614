//! Whom a sender means by a wallet's id or a customer's xid.

use std::str::FromStr;

use sqlx::Row;
use uuid::Uuid;

use crate::{
    db::{DbError, Pool, ask},
    kernel::{currency::Currency, ids::WalletId},
};

/// For each sender and recipient the sender's currency, and the wallet that the recipient stands for: the one with this id, else
/// of the customer's wallets the one in the sender's currency, else the oldest. Fenced as
/// [`WALLETS`](super::store::WALLETS).
pub const RECIPIENTS: &str = "\
select k.n, s.currency, r.id, coalesce(r.is_for_good, false) as is_for_good
from unnest($1::uuid[], $2::uuid[]) with ordinality k(sender, recipient, n)
cross join lateral (select * from wallets w where w.id = k.sender offset 0) s
left join lateral (
    (select w.id, true as is_for_good, 1 as choice from wallets w where w.id = k.recipient)
    union all
    (select w.id, w.currency = s.currency, 2
     from (select * from wallets w where w.owner_xid = k.recipient offset 0) w
     order by (w.currency = s.currency) desc, w.created_at, w.id limit 1)
    order by choice limit 1) r on true";

/// A sender, and the id by which it names a recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RecipientQuery {
    pub sender: WalletId,
    /// A wallet's id or a customer's xid.
    pub recipient: Uuid,
}

/// The wallet that a recipient stands for.
#[derive(Clone, Copy, Debug)]
pub struct RecipientMatch {
    /// The sender's.
    pub currency: Currency,
    pub wallet: Option<WalletId>,
    /// It will always be this wallet.
    pub is_for_good: bool,
}

/// The match of each query, in their order; none: the sender does not exist.
pub async fn recipients(
    db: &Pool,
    queries: &[RecipientQuery],
) -> Result<Vec<Option<RecipientMatch>>, DbError> {
    let (senders, recipients): (Vec<Uuid>, Vec<Uuid>) =
        queries.iter().map(|query| (query.sender.0, query.recipient)).unzip();
    let rows = ask(db, move |db| async move {
        let pool = db.get_postgres_connection_pool();
        Ok(sqlx::query(RECIPIENTS).bind(senders).bind(recipients).fetch_all(pool).await?)
    });
    let mut matches = vec![None; queries.len()];
    for row in rows.await? {
        let number: i64 = row.try_get("n")?;
        let unreadable = || DbError::Defect(format!("recipients: row {number} cannot be read"));
        let place = usize::try_from(number - 1).ok().and_then(|at| matches.get_mut(at));
        *place.ok_or_else(unreadable)? = Some(RecipientMatch {
            currency: Currency::from_str(row.try_get("currency")?).map_err(|_| unreadable())?,
            wallet: row.try_get::<Option<Uuid>, _>("id")?.map(WalletId),
            is_for_good: row.try_get("is_for_good")?,
        });
    }
    Ok(matches)
}
