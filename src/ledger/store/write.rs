//! Step 4, the write: a batch as arrays. A count that is short is a defect, but for keys: another batch had one first.

use sqlx::{PgConnection, Row, postgres::PgRow, types::Json};

use crate::{
    db::DbError,
    kernel::fail_point::fail_point,
    ledger::book::{ChangedWallet, Changes},
};

/// Step 4, the keys, transactions, entries and wallets as arrays; answers with the number of rows of each. Keys go in
/// sorted, so that two batches with the same ones cannot deadlock. They are not guarded by wallet locks: fewer of them
/// than asked for means that another batch answered one in the meantime.
pub const WRITE: &str = "\
with k as (
    insert into keys (actor, key, request_hash, operation_id, outcome, expires_at)
    select * from unnest($34::text[], $35::text[], $36::bytea[], $37::uuid[], $38::jsonb[], $39::timestamptz[])
                  u(actor, key, request_hash, operation_id, outcome, expires_at)
    order by u.actor, u.key
    on conflict do nothing
    returning 1),
t as (
    insert into transactions (id, kind, status, wallet_id, version, amount, fee, currency, reference_id, created_at,
                              other_wallet_id, other_version, note)
    select * from unnest($1::uuid[], $2::int2[], $3::int2[], $4::uuid[], $5::int8[], $6::int8[], $7::int8[],
                         $8::text[], $9::uuid[], $10::timestamptz[], $31::uuid[], $32::int8[], $33::text[])
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
select (select count(*) from k), (select count(*) from t), (select count(*) from e), (select count(*) from w)";

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

/// Writes a batch. Anything but the expected number of rows is a defect, and the caller rolls back.
pub async fn write(conn: &mut PgConnection, changes: &Changes) -> Result<(), DbError> {
    if !changes.keys.is_empty() || !changes.entries.is_empty() {
        let written = write_money(conn, changes).await?;
        if usize::try_from(written.try_get::<i64, _>(0)?) != Ok(changes.keys.len()) {
            return Err(DbError::Busy("another batch answered a key of this one".to_owned()));
        }
        let (t, e, w) = (changes.transactions.len(), changes.entries.len(), changes.wallets.len());
        expect(written, [changes.keys.len(), t, e, w])?;
        fail_point("write.money");
    }
    if !changes.status_changes.is_empty() {
        let written = write_status(conn, changes).await?;
        expect(written, [changes.status_changes.len(), changes.statuses.len()])?;
        fail_point("write.status");
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
fn column<'r, T, V>(rows: &'r [T], value: impl Fn(&'r T) -> V) -> Vec<V> {
    rows.iter().map(value).collect()
}

async fn write_money(conn: &mut PgConnection, changes: &Changes) -> Result<PgRow, DbError> {
    let (k, t, e, w) = (&changes.keys, &changes.transactions, &changes.entries, &changes.wallets);
    Ok(sqlx::query(WRITE)
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
        .bind(column(t, |t| t.other.map(|(wallet, _)| wallet.0)))
        .bind(column(t, |t| t.other.map(|(_, version)| version)))
        .bind(column(t, |t| t.note.as_deref()))
        .bind(column(k, |k| k.key.name.actor.as_str()))
        .bind(column(k, |k| k.key.name.key.as_str()))
        .bind(column(k, |k| k.key.request_hash.to_vec()))
        .bind(column(k, |k| k.operation.0))
        .bind(column(k, |k| k.outcome.as_ref().map(Json)))
        .bind(column(k, |k| k.expires_at))
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
