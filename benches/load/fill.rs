//! Fills the books with millions of entries by set-based SQL, as the posting loop would have written them: a deposit for
//! every wallet, then transfers between the two wallets of a pair, with values after, versions, keys, the hash chain and the
//! largest transfers, so that the audit finds no fault. Costs that grow with the books show on them.

use std::time::Instant;

use anyhow::Result;
use serde::Serialize;
use sqlx::{Connection, PgConnection};

use super::{server::Published, wallets::FUNDS_CENTS};

/// The number of versions of every wallet that one statement writes.
const VERSIONS_PER_STATEMENT: i64 = 20;

/// The entries that were written.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Filled {
    pub entries: i64,
    pub seconds: f64,
    /// Of the whole database, with its indexes.
    pub gib: f64,
}

/// Fills the books of `wallets` empty wallets, an even number, with about `entries` entries, the same number for every wallet.
/// The service must not be running.
pub async fn fill(url: &str, entries: u64, wallets: u32) -> Result<Filled> {
    let versions = i64::try_from(entries)? / i64::from(wallets);
    let began = Instant::now();
    tokio::try_join!(write(url, 0, versions), write(url, 1, versions))?;
    let mut conn = PgConnection::connect(url).await?;
    sqlx::raw_sql(SIDES).execute(&mut conn).await?;
    sqlx::query(LARGEST).bind(versions).bind(i64::try_from(FUNDS_CENTS)?).execute(&mut conn).await?;
    sqlx::raw_sql(PUBLISHED).execute(&mut conn).await?;
    sqlx::raw_sql("vacuum analyze").execute(&mut conn).await?;
    let size = "select pg_database_size(current_database())::float8 / 1073741824";
    Ok(Filled {
        entries: versions * i64::from(wallets),
        seconds: began.elapsed().as_secs_f64(),
        gib: sqlx::query_scalar(size).fetch_one(&mut conn).await?,
    })
}

/// How far the logs were written before anything was published.
pub async fn published(url: &str) -> Result<Published> {
    let mut conn = PgConnection::connect(url).await?;
    let cursor = "select position from cursors where log = $1";
    Ok(Published {
        entries: sqlx::query_scalar(cursor).bind("entries").fetch_one(&mut conn).await?,
        status_changes: sqlx::query_scalar(cursor).bind("status_changes").fetch_one(&mut conn).await?,
    })
}

/// Writes every second pair of wallets: Postgres uses one CPU for each connection.
async fn write(url: &str, half: i64, versions: i64) -> Result<()> {
    let mut conn = PgConnection::connect(url).await?;
    // Memory for one statement. These commits need not be durable, and a checkpoint precedes every measurement.
    let session = "set work_mem = '256MB'; set synchronous_commit = off; set jit = off";
    sqlx::raw_sql(session).execute(&mut conn).await?;
    sqlx::raw_sql(SIDES).execute(&mut conn).await?;
    sqlx::query("delete from sides where pair % 2 <> $1").bind(half).execute(&mut conn).await?;
    let mut done = 0;
    while done < versions {
        done = (done + VERSIONS_PER_STATEMENT).min(versions);
        sqlx::query(WRITE)
            .bind(done)
            .bind(i64::try_from(FUNDS_CENTS)?)
            .bind(versions)
            .execute(&mut conn)
            .await?;
        if half == 0 && (done % (10 * VERSIONS_PER_STATEMENT) == 0 || done == versions) {
            println!("    {done} entries in each wallet");
        }
    }
    Ok(())
}

/// Who stands opposite whom: the first and the second of each pair, and the pair's number.
const SIDES: &str = "
create temp table sides as
select id as wallet, n, (n + 1) / 2 as pair, n % 2 = 1 as is_first,
       case n % 2 when 1 then lead(id) over (order by n) else lag(id) over (order by n) end as other
from (select id, row_number() over (order by id) as n from wallets) numbered;
analyze sides";

/// Everything up to version $1. Version 1 is a deposit of $2; the first of a pair sends in even versions, the second in
/// odd ones. Times are whole seconds, one for each version, the last one before today; the transaction's id begins with
/// them (version 7).
const WRITE: &str = "
with recursive chain as (
    select s.wallet, s.other, s.n, s.pair, s.is_first, w.version, w.available, w.head_hash as hash,
           0::smallint as kind, 0::bigint as delta, null::uuid as transaction, 0::bigint as at
    from sides s join wallets w on w.id = s.wallet
  union all
    select c.wallet, c.other, c.n, c.pair, c.is_first, c.version + 1, c.available + d.delta,
           sha256(c.hash || uuid_send(c.wallet) || int8send(c.version + 1) || uuid_send(i.transaction)
                  || int2send(k.kind) || int8send(d.delta) || int8send(0) || int8send(0)
                  || int8send(c.available + d.delta) || int8send(0) || int8send(0) || int8send(t.at)),
           k.kind, d.delta, i.transaction, t.at
    from chain c
    cross join lateral (select (case when c.version = 0 then 1 when c.is_first = (c.version % 2 = 1) then 3 else 4 end
                               )::smallint as kind) k
    cross join lateral (select case k.kind when 1 then $2::bigint when 3 then -1015 else 1000 end as delta) d
    cross join lateral (select (extract(epoch from date_trunc('day', now()))::bigint - $3::bigint + c.version)
                               * 1000000 as at) t
    cross join lateral (select (lpad(to_hex(t.at / 1000), 12, '0') || '70008000'
                                || lpad(to_hex(case k.kind when 1 then c.n else c.pair end), 12, '0'))::uuid
                               as transaction) i
    where c.version < $1::bigint),
e as (
    insert into entries (wallet_id, version, transaction_id, kind, delta_available, delta_held, delta_unreleased,
                         available, held, unreleased, occurred_at, hash)
    select wallet, version, transaction, kind, delta, 0, 0, available, 0, 0, to_timestamp(at / 1000000), hash
    from chain where kind > 0 order by version, wallet),
t as (
    insert into transactions (id, kind, status, wallet_id, version, amount, fee, currency, reference_id, created_at,
                              other_wallet_id, other_version)
    select transaction, kind, 0, wallet, version, abs(delta) - case kind when 3 then 15 else 0 end,
           case kind when 3 then 15 else 0 end, 'USD', gen_random_uuid(), to_timestamp(at / 1000000),
           case kind when 3 then other end, case kind when 3 then version end
    from chain where kind in (1, 3) order by version, pair),
k as (
    insert into keys (actor, key, request_hash, operation_id)
    select wallet, gen_random_uuid(), sha256(uuid_send(transaction)), transaction
    from chain where kind = 3)
update wallets w
set available = c.available, version = c.version, head_hash = c.hash, last_entry_at = to_timestamp(c.at / 1000000)
from chain c
where w.id = c.wallet and c.version = $1::bigint";

/// The largest transfers of every wallet's $1 entries: the deposit of $2, and the newest of all the others, which are equal.
const LARGEST: &str = "
insert into top_transfers
select s.wallet, $1::bigint, array_prepend($2::bigint, array_fill(1000::bigint, array[cardinality(i.versions)])),
       array_prepend(1::bigint, i.versions), array_fill(1000::bigint, array[cardinality(o.versions)]), o.versions
from sides s
cross join lateral (select coalesce(array_agg(v order by v desc), '{}') as versions from
                    (select v from generate_series(2, $1::bigint) v where (v % 2 = 0) <> s.is_first
                     order by v desc limit 99) v) i
cross join lateral (select coalesce(array_agg(v order by v desc), '{}') as versions from
                    (select v from generate_series(2, $1::bigint) v where (v % 2 = 0) = s.is_first
                     order by v desc limit 100) v) o";

/// The topic begins with what is written from now on.
const PUBLISHED: &str = "
update cursors set position = (select last_value from entries_position_seq) where log <> 'status_changes';
update cursors set position = (select last_value from status_changes_position_seq) where log = 'status_changes'";
