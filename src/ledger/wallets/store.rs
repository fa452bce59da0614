//! Opening and reading wallets, over the pool.

use std::str::FromStr;

use sqlx::{Row, postgres::PgRow};
use uuid::Uuid;

use crate::{
    db::{DbError, Pool, ask},
    kernel::{
        buckets::Buckets,
        clock::Timestamp,
        currency::Currency,
        ids::{CustomerId, CustomerXid, WalletId},
        status::Status,
    },
};

/// A wallet, and whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wallet {
    pub id: WalletId,
    pub owner: CustomerXid,
    pub currency: Currency,
    /// Minor units.
    pub buckets: Buckets,
    /// What of `unreleased` may be spent by now, though no step has released it yet; minor units.
    pub due: i64,
    /// When some of the rest is released next.
    pub next_release_at: Option<Timestamp>,
    /// The number of the last entry; 0 before the first.
    pub version: i64,
    pub status: Status,
    pub frozen_at: Option<Timestamp>,
    pub enabled_at: Option<Timestamp>,
    pub disabled_at: Option<Timestamp>,
    /// The number of the last status change; 0 before the first.
    pub status_version: i64,
}

/// A customer's wallet in a currency.
pub const FIND: &str = "select id from wallets where owner_xid = $1::uuid and currency = $2::text";

const OPEN: &str = "\
insert into wallets (id, customer_id, currency) values ($1, $2, $3) on conflict (customer_id, currency) do nothing
returning id";

/// The columns of a wallet `w`.
macro_rules! wallet_columns {
    () => {
        "select w.id, w.owner_xid, w.currency, w.available, w.held, w.unreleased, w.version,
       w.status, w.frozen_at, w.enabled_at, w.disabled_at, w.status_version,
       case when w.unreleased > 0 then
           (select sum(r.amount)::int8 from releases r
            where r.wallet_id = w.id and r.closed_by is null and r.due_at <= now())
       end as due,
       case when w.unreleased > 0 then
           (select r.due_at from releases r
            where r.wallet_id = w.id and r.closed_by is null and r.due_at > now() order by r.due_at limit 1)
       end as next_release_at
"
    };
}

/// One wallet.
pub const WALLET: &str = concat!(wallet_columns!(), "from wallets w where w.id = $1::uuid");

/// Some wallets, in the order in which they are asked for. The fence (`offset 0`) keeps Postgres from walking through the whole
/// index where it believes the table to be empty.
pub const WALLETS: &str = concat!(
    wallet_columns!(),
    "from unnest($1::uuid[]) with ordinality k(id, n)
cross join lateral (select * from wallets w where w.id = k.id offset 0) w
order by k.n"
);

/// The next wallets beyond one, in the order of their ids.
pub const WALLETS_AFTER: &str = "select id from wallets where id > $1::uuid order by id limit $2";

/// The wallet of an owner in a currency.
pub async fn find(db: &Pool, owner: CustomerXid, currency: Currency) -> Result<Option<WalletId>, DbError> {
    ask(db, move |db| async move {
        let pool = db.get_postgres_connection_pool();
        let found = sqlx::query(FIND).bind(owner.0).bind(currency.as_str()).fetch_optional(pool).await?;
        Ok(found.map(|row| row.try_get(0).map(WalletId)).transpose()?)
    })
    .await
}

/// Opens a customer's wallet in a currency: disabled, and empty. None: another process has opened it first.
pub async fn open(db: &Pool, customer: CustomerId, currency: Currency) -> Result<Option<WalletId>, DbError> {
    let new = WalletId::generate();
    ask(db, move |db| async move {
        let pool = db.get_postgres_connection_pool();
        let opening = sqlx::query(OPEN).bind(new.0).bind(customer.0).bind(currency.as_str());
        let opened = opening.fetch_optional(pool).await?;
        Ok(opened.map(|row| row.try_get(0).map(WalletId)).transpose()?)
    })
    .await
}

/// A wallet by its id.
pub async fn wallet(db: &Pool, id: WalletId) -> Result<Option<Wallet>, DbError> {
    let row = ask(db, move |db| async move {
        let pool = db.get_postgres_connection_pool();
        Ok(sqlx::query(WALLET).bind(id.0).fetch_optional(pool).await?)
    });
    row.await?.as_ref().map(decode).transpose()
}

/// These wallets, in this order; one that does not exist is left out.
pub async fn wallets(db: &Pool, ids: &[WalletId]) -> Result<Vec<Wallet>, DbError> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let rows = ask(db, move |db| async move {
        Ok(sqlx::query(WALLETS).bind(ids).fetch_all(db.get_postgres_connection_pool()).await?)
    });
    rows.await?.iter().map(decode).collect()
}

/// The next wallets beyond `after`, in the order of their ids.
pub async fn wallets_after(db: &Pool, after: WalletId, limit: usize) -> Result<Vec<WalletId>, DbError> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = ask(db, move |db| async move {
        let pool = db.get_postgres_connection_pool();
        Ok(sqlx::query(WALLETS_AFTER).bind(after.0).bind(limit).fetch_all(pool).await?)
    });
    rows.await?.iter().map(|row| Ok(WalletId(row.try_get(0)?))).collect()
}

fn decode(row: &PgRow) -> Result<Wallet, DbError> {
    let id = WalletId(row.try_get("id")?);
    let unreadable = |column| DbError::Defect(format!("wallet {id}: {column} cannot be read"));
    Ok(Wallet {
        id,
        owner: CustomerXid(row.try_get("owner_xid")?),
        currency: Currency::from_str(row.try_get("currency")?).map_err(|_| unreadable("currency"))?,
        buckets: Buckets {
            available: row.try_get("available")?,
            held: row.try_get("held")?,
            unreleased: row.try_get("unreleased")?,
        },
        due: row.try_get::<Option<i64>, _>("due")?.unwrap_or_default(),
        next_release_at: row.try_get("next_release_at")?,
        version: row.try_get("version")?,
        status: Status::from_code(row.try_get("status")?).ok_or_else(|| unreadable("status"))?,
        frozen_at: row.try_get("frozen_at")?,
        enabled_at: row.try_get("enabled_at")?,
        disabled_at: row.try_get("disabled_at")?,
        status_version: row.try_get("status_version")?,
    })
}
