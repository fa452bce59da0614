//! Every statement of the wallet room, over the pool.

use std::str::FromStr;

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DbBackend, QueryResult, Statement, TransactionTrait, Value,
};
use serde_json::json;
use uuid::Uuid;

use crate::{
    cache::{MoneyView, StatusView, WalletView},
    db::{DbError, ask},
    kernel::{
        clock::Timestamp,
        currency::Currency,
        ids::{CustomerId, WalletId, Xid},
    },
};

/// A customer's wallet in a currency.
pub const FIND: &str = "select id from wallets where owner_xid = $1::uuid and currency = $2::text";

/// A wallet and whose it is.
pub const VIEW: &str = "\
select id, owner_xid, currency, available, held, unreleased, version,
       status, frozen_at, enabled_at, disabled_at, status_version
from wallets where id = $1::uuid";

/// Some wallets and whose they are, in the order in which they are asked for. As everywhere here, the fences (`offset 0`) keep
/// Postgres from walking through whole indexes where it believes the tables to be empty.
pub const VIEWS: &str = "\
select w.id, w.owner_xid, w.currency, w.available, w.held, w.unreleased, w.version,
       w.status, w.frozen_at, w.enabled_at, w.disabled_at, w.status_version
from rows from (jsonb_to_recordset($1::jsonb) as (id uuid)) with ordinality k(id, n)
cross join lateral (select * from wallets w where w.id = k.id offset 0) w
order by k.n";

/// The next wallets beyond one, in the order of their ids.
pub const WALLETS_AFTER: &str = "select id from wallets where id > $1::uuid order by id limit $2";

/// For each sender and recipient the sender's currency, and the wallet that the recipient stands for.
pub const RECIPIENTS: &str = "\
select k.n, s.currency, r.id, coalesce(r.is_for_good, false) as is_for_good
from rows from (jsonb_to_recordset($1::jsonb) as (sender uuid, recipient uuid)) with ordinality k(sender, recipient, n)
cross join lateral (select * from wallets w where w.id = k.sender offset 0) s
left join lateral (
    (select w.id, true as is_for_good, 1 as choice from wallets w where w.id = k.recipient)
    union all
    (select w.id, w.currency = s.currency, 2
     from (select * from wallets w where w.owner_xid = k.recipient offset 0) w
     order by (w.currency = s.currency) desc, w.created_at, w.id limit 1)
    order by choice limit 1) r on true";

fn statement<const N: usize>(sql: &'static str, values: [Value; N]) -> Statement {
    Statement::from_sql_and_values(DbBackend::Postgres, sql, values)
}

/// The customer's wallet in this currency; customer and wallet are made, in one transaction, if they are not there.
/// Two at once get the same one: the second insertion waits for the first and then finds it.
pub async fn open(db: &DatabaseConnection, owner: Xid, currency: Currency) -> Result<WalletId, DbError> {
    let code = move || Value::from(currency.as_str());
    ask(db, |db| async move {
        if let Some(row) = db.query_one_raw(statement(FIND, [owner.0.into(), code()])).await? {
            return Ok(WalletId(row.try_get_by_index(0)?));
        }
        let tx = db.begin().await?;
        let new = [CustomerId::generate().0.into(), owner.0.into()];
        let insert = "insert into customers (id, xid) values ($1, $2) on conflict (xid) do nothing";
        tx.execute_raw(statement(insert, new)).await?;
        let new = [WalletId::generate().0.into(), owner.0.into(), code()];
        let insert =
            "insert into wallets (id, customer_id, currency) select $1, id, $3 from customers where xid = $2
                      on conflict (customer_id, currency) do nothing";
        tx.execute_raw(statement(insert, new)).await?;
        let row = tx.query_one_raw(statement(FIND, [owner.0.into(), code()])).await?;
        tx.commit().await?;
        let row = row.ok_or_else(|| DbError::Defect("a wallet just opened is not there".to_owned()))?;
        Ok(WalletId(row.try_get_by_index(0)?))
    })
    .await
}

/// Whom a sender means by an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RecipientQuery {
    pub sender: WalletId,
    pub recipient: Uuid,
}

/// What the books know of a sender and a recipient.
#[derive(Clone, Copy, Debug)]
pub struct RecipientMatch {
    /// The sender's.
    pub currency: Currency,
    pub wallet: Option<WalletId>,
    /// It will always be this wallet.
    pub is_for_good: bool,
}

/// What the books know of each sender and recipient, in their order; none: the sender is not there.
pub async fn recipients(
    db: &DatabaseConnection,
    asked: &[RecipientQuery],
) -> Result<Vec<Option<RecipientMatch>>, DbError> {
    let pairs = asked.iter().map(|asked| json!({ "sender": asked.sender.0, "recipient": asked.recipient }));
    let asked_for = statement(RECIPIENTS, [Value::from(serde_json::Value::Array(pairs.collect()))]);
    let rows = ask(db, |db| async move { Ok(db.query_all_raw(asked_for).await?) }).await?;
    let mut found = vec![None; asked.len()];
    for row in rows {
        let number: i64 = row.try_get("", "n")?;
        let currency: String = row.try_get("", "currency")?;
        let place = usize::try_from(number - 1).ok().and_then(|at| found.get_mut(at));
        let place =
            place.ok_or_else(|| DbError::Defect(format!("recipients: {number} was not asked for")))?;
        *place = Some(RecipientMatch {
            currency: Currency::from_str(&currency).map_err(|error| DbError::Defect(error.to_string()))?,
            wallet: row.try_get::<Option<Uuid>>("", "id")?.map(WalletId),
            is_for_good: row.try_get("", "is_for_good")?,
        });
    }
    Ok(found)
}

/// The wallet as the books have it.
pub async fn view(db: &DatabaseConnection, wallet: WalletId) -> Result<Option<WalletView>, DbError> {
    let row =
        ask(db, |db| async move { Ok(db.query_one_raw(statement(VIEW, [wallet.0.into()])).await?) }).await?;
    row.as_ref().map(read_view).transpose()
}

/// These wallets as the books have them, in this order; one that does not exist is left out.
pub async fn views(db: &DatabaseConnection, wallets: &[WalletId]) -> Result<Vec<WalletView>, DbError> {
    let ids = wallets.iter().map(|wallet| json!({ "id": wallet.0 }));
    let asked_for = statement(VIEWS, [Value::from(serde_json::Value::Array(ids.collect()))]);
    let rows = ask(db, |db| async move { Ok(db.query_all_raw(asked_for).await?) }).await?;
    rows.iter().map(read_view).collect()
}

/// The next wallets beyond `after`, in the order of their ids.
pub async fn wallets_after(
    db: &DatabaseConnection,
    after: WalletId,
    limit: usize,
) -> Result<Vec<WalletId>, DbError> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let asked_for = statement(WALLETS_AFTER, [after.0.into(), limit.into()]);
    let rows = ask(db, |db| async move { Ok(db.query_all_raw(asked_for).await?) }).await?;
    rows.iter().map(|row| Ok(WalletId(row.try_get_by_index(0)?))).collect()
}

fn read_view(row: &QueryResult) -> Result<WalletView, DbError> {
    let currency: String = row.try_get("", "currency")?;
    let status: i16 = row.try_get("", "status")?;
    let frozen_at: Option<Timestamp> = row.try_get("", "frozen_at")?;
    Ok(WalletView {
        id: WalletId(row.try_get("", "id")?),
        owner: Xid(row.try_get("", "owner_xid")?),
        currency: Currency::from_str(&currency).map_err(|error| DbError::Defect(error.to_string()))?,
        money: MoneyView {
            available: row.try_get("", "available")?,
            held: row.try_get("", "held")?,
            unreleased: row.try_get("", "unreleased")?,
            version: row.try_get("", "version")?,
        },
        status: StatusView {
            enabled: status == 1,
            frozen: frozen_at.is_some(),
            enabled_at: row.try_get("", "enabled_at")?,
            disabled_at: row.try_get("", "disabled_at")?,
            version: row.try_get("", "status_version")?,
        },
    })
}
