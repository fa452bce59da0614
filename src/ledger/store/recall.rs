//! Step 2, the recall: the batch's time, and what is known of its references and keys.

use sqlx::{PgConnection, Row, postgres::PgRow, types::Json};
use uuid::Uuid;

use crate::{
    db::DbError,
    kernel::{
        clock::Timestamp,
        ids::{OperationId, WalletId},
    },
    ledger::{
        book::{Decision, Receipt, Remembered},
        operation::{KeyName, Operation, ReferenceKey},
        wallet_state::{Buckets, Status, WalletState},
    },
};

/// Step 2: a statement of its own, so that it sees what the locks have waited for. Its first row takes the log's
/// shared lock and the batch's time; then come the references of the batch that are used up (`what` 1), and its keys
/// that were used before (2). What became of a key's transaction is told from the books.
pub const RECALL: &str = "\
select 0::int2 as what, null::int8 as n, null::uuid as id, clock_timestamp() as at, null::bytea as request_hash,
       null::jsonb as outcome, null::uuid as wallet_id, null::text as currency, null::int8 as fee, null::int8 as version,
       null::int8 as available, null::int8 as held, null::int8 as unreleased, null::bytea as hash
from pg_advisory_xact_lock_shared(7201, 1)
union all
select 1::int2, k.n, t.id, null, null, null, null, null, null, null, null, null, null, null
from unnest($1::uuid[], $2::int2[], $3::uuid[]) with ordinality k(wallet_id, kind, reference_id, n)
cross join lateral (
    select t.id from transactions t
    where t.wallet_id = k.wallet_id and t.kind = k.kind and t.reference_id = k.reference_id and t.status <> 2
    offset 0) t
union all
select 2::int2, k.n, i.operation_id, t.created_at, i.request_hash, i.outcome, t.wallet_id, t.currency, t.fee, t.version,
       e.available, e.held, e.unreleased, e.hash
from unnest($4::text[], $5::text[]) with ordinality k(actor, key, n)
cross join lateral (select * from keys i where i.actor = k.actor and i.key = k.key offset 0) i
left join lateral (select * from transactions t where t.id = i.operation_id and i.outcome is null offset 0) t on true
left join lateral (select * from entries e where e.wallet_id = t.wallet_id and e.version = t.version offset 0) e on true";

/// Whether this very batch was committed before: asked only after a lost commit, under the locks.
pub const RECALL_OWN: &str = "\
select exists (select from unnest($1::uuid[]) k(id) cross join lateral
                   (select from transactions t where t.id = k.id offset 0) t)
    or exists (select from unnest($1::uuid[]) k(id) cross join lateral
                   (select from status_changes s where s.id = k.id offset 0) s)
    or exists (select from unnest($2::text[], $3::text[], $4::uuid[]) k(actor, key, id) cross join lateral
                   (select from keys i where i.actor = k.actor and i.key = k.key and i.operation_id = k.id offset 0) i)";

/// What the recall found.
#[derive(Debug)]
pub struct Recalled {
    /// The batch's time: Postgres' clock, read under the locks.
    pub now: Timestamp,
    /// The references of the batch that are used up, and by which transaction.
    pub references: Vec<(ReferenceKey, OperationId)>,
    /// The first answers of those keys of the batch that were used before.
    pub keys: Vec<(KeyName, Remembered)>,
}

/// Takes the log's lock and the time, and looks references and keys up.
pub async fn recall(
    conn: &mut PgConnection,
    references: &[ReferenceKey],
    keys: &[&KeyName],
) -> Result<Recalled, DbError> {
    let rows = sqlx::query(RECALL)
        .bind(references.iter().map(|key| key.wallet.0).collect::<Vec<_>>())
        .bind(references.iter().map(|key| key.kind.code()).collect::<Vec<_>>())
        .bind(references.iter().map(|key| key.reference.0).collect::<Vec<_>>())
        .bind(keys.iter().map(|key| key.actor.as_str()).collect::<Vec<_>>())
        .bind(keys.iter().map(|key| key.key.as_str()).collect::<Vec<_>>())
        .fetch_all(conn)
        .await?;
    let mut now = None;
    let (mut used_up, mut answered) = (Vec::new(), Vec::new());
    for row in &rows {
        match row.try_get::<i16, _>("what")? {
            0 => now = Some(row.try_get("at")?),
            1 => used_up.push((*asked(row, references)?, OperationId(row.try_get("id")?))),
            _ => answered.push(((*asked(row, keys)?).clone(), remembered(row)?)),
        }
    }
    let now = now.ok_or_else(|| DbError::Defect("recall: no time came back".to_owned()))?;
    Ok(Recalled { now, references: used_up, keys: answered })
}

/// What a row is the answer to.
fn asked<'a, T>(row: &PgRow, items: &'a [T]) -> Result<&'a T, DbError> {
    let number: i64 = row.try_get("n")?;
    let item = usize::try_from(number - 1).ok().and_then(|at| items.get(at));
    item.ok_or_else(|| DbError::Defect(format!("recall: {number} was not asked for")))
}

fn remembered(row: &PgRow) -> Result<Remembered, DbError> {
    let decision = match row.try_get::<Option<Json<Decision>>, _>("outcome")? {
        Some(Json(decision)) => decision,
        None => Ok(booked(row)?),
    };
    Ok(Remembered { request_hash: bytes(row, "request_hash")?, decision })
}

/// The receipt of a transaction, out of the books. Its wallet was enabled then, or it would not have been booked; when
/// that came to be, no money answer tells.
fn booked(row: &PgRow) -> Result<Receipt, DbError> {
    let occurred_at: Timestamp = row.try_get("at")?;
    let currency: &str = row.try_get("currency")?;
    let wallet = WalletState {
        id: WalletId(row.try_get("wallet_id")?),
        currency: currency
            .parse()
            .map_err(|_| DbError::Defect("keys: currency cannot be read".to_owned()))?,
        status: Status::Enabled,
        frozen_at: None,
        status_version: 0,
        enabled_at: None,
        disabled_at: None,
        buckets: Buckets {
            available: row.try_get("available")?,
            held: row.try_get("held")?,
            unreleased: row.try_get("unreleased")?,
        },
        version: row.try_get("version")?,
        head_hash: bytes(row, "hash")?,
        last_entry_at: Some(occurred_at),
    };
    Ok(Receipt { id: OperationId(row.try_get("id")?), occurred_at, fee: row.try_get("fee")?, wallet })
}

fn bytes(row: &PgRow, column: &str) -> Result<[u8; 32], DbError> {
    let bytes: &[u8] = row.try_get(column)?;
    bytes.try_into().map_err(|_| DbError::Defect(format!("keys: {column} cannot be read")))
}

/// Whether this batch is in the books already. A batch is committed whole, so one of its operations stands for all.
pub async fn is_booked(conn: &mut PgConnection, batch: &[&Operation]) -> Result<bool, DbError> {
    let keyed: Vec<_> = batch.iter().filter_map(|o| Some((&o.key.as_ref()?.name, o.id.0))).collect();
    Ok(sqlx::query(RECALL_OWN)
        .bind(batch.iter().map(|operation| operation.id.0).collect::<Vec<Uuid>>())
        .bind(keyed.iter().map(|(name, _)| name.actor.clone()).collect::<Vec<_>>())
        .bind(keyed.iter().map(|(name, _)| name.key.clone()).collect::<Vec<_>>())
        .bind(keyed.iter().map(|(_, id)| *id).collect::<Vec<_>>())
        .fetch_one(conn)
        .await?
        .try_get(0)?)
}
