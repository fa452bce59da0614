//! Every statement of the posting loop. They are meant for the lane's own connection ([`connect`]): prepared once, run
//! with the generic plan, and never by a sequential scan, so that a fresh database is as fast as an old one.
//! `docs/decisions/0003-the-loops-statements.md` says why each has the shape it has.

use std::str::FromStr;

use sqlx::{Connection, PgConnection, Row, postgres::PgRow};
use uuid::Uuid;

use super::{
    book::{ChangedWallet, Changes},
    operation::ReferenceKey,
    wallet_state::{Buckets, Status, WalletState},
};
use crate::{
    db::{DbError, session_options},
    kernel::{
        clock::Timestamp,
        currency::Currency,
        ids::{OperationId, WalletId},
    },
};

/// The advisory lock that every batch shares before its first position, and that the relay looks at: (class, object).
pub const LOG_LOCK: (i32, i32) = (7201, 1);

/// Step 1, in the order of the ids: batches of any number of processes cannot deadlock.
pub const LOCK: &str = "\
select id, currency, status, frozen_at, status_version, enabled_at, disabled_at,
       available, held, unreleased, version, head_hash, last_entry_at
from wallets where id = any($1::uuid[]) order by id for no key update";

/// Step 2: a statement of its own, so that it sees what the locks have waited for. Its first row takes the log's
/// shared lock and the batch's time; the others are the references of the batch that are used up.
pub const RECALL: &str = "\
select null::int8 as item, null::uuid as transaction_id, clock_timestamp() as at
from pg_advisory_xact_lock_shared(7201, 1)
union all
select k.n, t.id, null
from unnest($1::uuid[], $2::int2[], $3::uuid[]) with ordinality k(wallet_id, kind, reference_id, n)
cross join lateral (
    select t.id from transactions t
    where t.wallet_id = k.wallet_id and t.kind = k.kind and t.reference_id = k.reference_id and t.status <> 2
    offset 0) t";

/// Whether this very batch was committed before: asked only after a lost commit, under the locks.
pub const RECALL_OWN: &str = "\
select exists (select from unnest($1::uuid[]) k(id) cross join lateral
                   (select from transactions t where t.id = k.id offset 0) t)
    or exists (select from unnest($1::uuid[]) k(id) cross join lateral
                   (select from status_changes s where s.id = k.id offset 0) s)";

/// Step 4, the money: transactions, entries and wallets as arrays; answers with the number of rows of each.
pub const WRITE_MONEY: &str = "\
with t as (
    insert into transactions (id, kind, status, wallet_id, version, amount, fee, currency, reference_id, created_at)
    select * from unnest($1::uuid[], $2::int2[], $3::int2[], $4::uuid[], $5::int8[], $6::int8[], $7::int8[],
                         $8::text[], $9::uuid[], $10::timestamptz[])
    returning 1),
e as (
    insert into entries (wallet_id, version, transaction_id, kind, delta_available, delta_held, delta_unreleased,
                         available, held, unreleased, occurred_at, hash)
    select u.wallet_id, u.version, u.transaction_id, u.kind, u.da, u.dh, u.du, u.a, u.h, u.u, u.at, u.hash
    from unnest($11::uuid[], $12::int8[], $13::uuid[], $14::int2[], $15::int8[], $16::int8[], $17::int8[],
                $18::int8[], $19::int8[], $20::int8[], $21::timestamptz[], $22::bytea[])
         with ordinality u(wallet_id, version, transaction_id, kind, da, dh, du, a, h, u, at, hash, n)
    order by u.n
    returning 1),
w as (
    update wallets w
    set available = u.a, held = u.h, unreleased = u.u, version = u.after, head_hash = u.hash, last_entry_at = u.at
    from unnest($23::uuid[], $24::int8[], $25::int8[], $26::int8[], $27::int8[], $28::int8[], $29::bytea[],
                $30::timestamptz[]) u(id, before, after, a, h, u, hash, at)
    where w.id = any($23::uuid[]) and w.id = u.id and w.version = u.before
    returning 1)
select (select count(*) from t), (select count(*) from e), (select count(*) from w)";

/// Step 4, the status, only when a batch changes one.
pub const WRITE_STATUS: &str = "\
with c as (
    insert into status_changes (id, wallet_id, status_version, status, frozen, actor, occurred_at)
    select u.id, u.wallet_id, u.version, u.status, u.frozen, u.actor, u.at
    from unnest($1::uuid[], $2::uuid[], $3::int8[], $4::int2[], $5::bool[], $6::text[], $7::timestamptz[])
         with ordinality u(id, wallet_id, version, status, frozen, actor, at, n)
    order by u.n
    returning 1),
w as (
    update wallets w
    set status = u.status, status_version = u.after, enabled_at = u.enabled_at, disabled_at = u.disabled_at
    from unnest($8::uuid[], $9::int8[], $10::int8[], $11::int2[], $12::timestamptz[], $13::timestamptz[])
         u(id, before, after, status, enabled_at, disabled_at)
    where w.id = any($8::uuid[]) and w.id = u.id and w.status_version = u.before
    returning 1)
select (select count(*) from c), (select count(*) from w)";

/// What the recall found.
#[derive(Debug)]
pub struct Recalled {
    /// The batch's time: Postgres' clock, read under the locks.
    pub now: Timestamp,
    /// The references of the batch that are used up, and by which transaction.
    pub references: Vec<(ReferenceKey, OperationId)>,
}

/// The lane's connection. A backend whose client is gone ends by itself, and lets go of its locks.
pub async fn connect(url: &str) -> Result<PgConnection, DbError> {
    let options = session_options(url, "wallet posting loop")?.options([
        ("plan_cache_mode", "force_generic_plan"),
        ("enable_seqscan", "off"),
        ("jit", "off"),
        ("lock_timeout", "1000"),
        ("idle_in_transaction_session_timeout", "2500"),
        ("client_connection_check_interval", "500"),
    ]);
    Ok(PgConnection::connect_with(&options).await?)
}

/// Runs a statement of transaction control: `begin`, `commit`, `rollback`.
pub async fn control(conn: &mut PgConnection, statement: &'static str) -> Result<(), DbError> {
    sqlx::raw_sql(statement).execute(conn).await?;
    Ok(())
}

/// Locks and reads wallets; those that do not exist are left out.
pub async fn lock(conn: &mut PgConnection, ids: &[WalletId]) -> Result<Vec<WalletState>, DbError> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let rows = sqlx::query(LOCK).bind(ids).fetch_all(conn).await?;
    rows.iter().map(wallet_state).collect()
}

/// Takes the log's lock and the time, and looks references up.
pub async fn recall(conn: &mut PgConnection, references: &[ReferenceKey]) -> Result<Recalled, DbError> {
    let rows = sqlx::query(RECALL)
        .bind(references.iter().map(|key| key.wallet.0).collect::<Vec<_>>())
        .bind(references.iter().map(|key| key.kind.code()).collect::<Vec<_>>())
        .bind(references.iter().map(|key| key.reference.0).collect::<Vec<_>>())
        .fetch_all(conn)
        .await?;
    let mut now = None;
    let mut known = Vec::with_capacity(rows.len());
    for row in &rows {
        match row.try_get::<Option<i64>, _>(0)? {
            None => now = Some(row.try_get::<Timestamp, _>(2)?),
            Some(item) => {
                let key = usize::try_from(item - 1).ok().and_then(|at| references.get(at));
                let key =
                    key.ok_or_else(|| DbError::Defect(format!("recall: item {item} was not asked for")))?;
                known.push((*key, OperationId(row.try_get(1)?)));
            }
        }
    }
    let now = now.ok_or_else(|| DbError::Defect("recall: no time came back".to_owned()))?;
    Ok(Recalled { now, references: known })
}

/// Whether one of these operations is in the books. A batch is committed whole, so one stands for all.
pub async fn is_booked(
    conn: &mut PgConnection,
    ids: impl Iterator<Item = OperationId>,
) -> Result<bool, DbError> {
    let ids: Vec<Uuid> = ids.map(|id| id.0).collect();
    Ok(sqlx::query(RECALL_OWN).bind(ids).fetch_one(conn).await?.try_get(0)?)
}

/// Writes a batch. Anything but the expected number of rows is a defect, and the caller rolls back.
pub async fn write(conn: &mut PgConnection, changes: &Changes) -> Result<(), DbError> {
    if !changes.entries.is_empty() {
        let written = write_money(conn, changes).await?;
        expect(written, [changes.transactions.len(), changes.entries.len(), changes.wallets.len()])?;
    }
    if !changes.status_changes.is_empty() {
        let written = write_status(conn, changes).await?;
        expect(written, [changes.status_changes.len(), changes.statuses.len()])?;
    }
    Ok(())
}

fn expect<const N: usize>(row: PgRow, rows: [usize; N]) -> Result<(), DbError> {
    for (column, expected) in rows.into_iter().enumerate() {
        let written: i64 = row.try_get(column)?;
        if usize::try_from(written) != Ok(expected) {
            return Err(DbError::Defect(format!(
                "write: {written} rows in part {column}, {expected} expected"
            )));
        }
    }
    Ok(())
}

/// One column of a list of rows, as an array to bind.
fn column<T, V>(rows: &[T], value: impl Fn(&T) -> V) -> Vec<V> {
    rows.iter().map(value).collect()
}

async fn write_money(conn: &mut PgConnection, changes: &Changes) -> Result<PgRow, DbError> {
    let (t, e, w) = (&changes.transactions, &changes.entries, &changes.wallets);
    Ok(sqlx::query(WRITE_MONEY)
        .bind(column(t, |t| t.id.0))
        .bind(column(t, |t| t.kind.code()))
        .bind(column(t, |t| t.status.code()))
        .bind(column(t, |t| t.wallet.0))
        .bind(column(t, |t| t.version))
        .bind(column(t, |t| t.amount))
        .bind(column(t, |t| t.fee))
        .bind(column(t, |t| t.currency.to_string()))
        .bind(column(t, |t| t.reference.map(|reference| reference.0)))
        .bind(column(t, |t| t.created_at))
        .bind(column(e, |e| e.wallet.0))
        .bind(column(e, |e| e.version))
        .bind(column(e, |e| e.transaction.0))
        .bind(column(e, |e| e.kind.code()))
        .bind(column(e, |e| e.delta.available))
        .bind(column(e, |e| e.delta.held))
        .bind(column(e, |e| e.delta.unreleased))
        .bind(column(e, |e| e.after.available))
        .bind(column(e, |e| e.after.held))
        .bind(column(e, |e| e.after.unreleased))
        .bind(column(e, |e| e.occurred_at))
        .bind(column(e, |e| e.hash.to_vec()))
        .bind(column(w, |w| w.after.id.0))
        .bind(column(w, |w| w.version_before))
        .bind(column(w, |w| w.after.version))
        .bind(column(w, |w| w.after.buckets.available))
        .bind(column(w, |w| w.after.buckets.held))
        .bind(column(w, |w| w.after.buckets.unreleased))
        .bind(column(w, |w| w.after.head_hash.to_vec()))
        .bind(column(w, |w| w.after.last_entry_at))
        .fetch_one(conn)
        .await?)
}

async fn write_status(conn: &mut PgConnection, changes: &Changes) -> Result<PgRow, DbError> {
    let (c, w): (_, &[ChangedWallet]) = (&changes.status_changes, &changes.statuses);
    Ok(sqlx::query(WRITE_STATUS)
        .bind(column(c, |c| c.id.0))
        .bind(column(c, |c| c.wallet.0))
        .bind(column(c, |c| c.status_version))
        .bind(column(c, |c| c.status.code()))
        .bind(column(c, |c| c.frozen))
        .bind(column(c, |c| c.actor.clone()))
        .bind(column(c, |c| c.occurred_at))
        .bind(column(w, |w| w.after.id.0))
        .bind(column(w, |w| w.version_before))
        .bind(column(w, |w| w.after.status_version))
        .bind(column(w, |w| w.after.status.code()))
        .bind(column(w, |w| w.after.enabled_at))
        .bind(column(w, |w| w.after.disabled_at))
        .fetch_one(conn)
        .await?)
}

fn wallet_state(row: &PgRow) -> Result<WalletState, DbError> {
    let unreadable = |what: &str| DbError::Defect(format!("wallets: {what} cannot be read"));
    let hash: &[u8] = row.try_get("head_hash")?;
    Ok(WalletState {
        id: WalletId(row.try_get("id")?),
        currency: Currency::from_str(row.try_get("currency")?).map_err(|_| unreadable("currency"))?,
        status: Status::from_code(row.try_get("status")?).ok_or_else(|| unreadable("status"))?,
        frozen_at: row.try_get("frozen_at")?,
        status_version: row.try_get("status_version")?,
        enabled_at: row.try_get("enabled_at")?,
        disabled_at: row.try_get("disabled_at")?,
        buckets: Buckets {
            available: row.try_get("available")?,
            held: row.try_get("held")?,
            unreleased: row.try_get("unreleased")?,
        },
        version: row.try_get("version")?,
        head_hash: hash.try_into().map_err(|_| unreadable("head_hash"))?,
        last_entry_at: row.try_get("last_entry_at")?,
    })
}
