//! The statements of the topic's audit.

use sqlx::{PgConnection, Row};
use uuid::Uuid;

use crate::{
    db::{DbError, open, session_options},
    kernel::ids::WalletId,
    ledger::log::Log,
};

/// The audit's connection: what it asks goes by keys, also on tables without statistics.
pub async fn connect(url: &str) -> Result<PgConnection, DbError> {
    let options = session_options(url, "wallet audit")?.options([
        ("enable_seqscan", "off"),
        ("jit", "off"),
        ("statement_timeout", "0"),
    ]);
    Ok(open(options).await?)
}

/// The wallets after an id, in the order of their ids, with their last version in this log.
const fn wallets(log: Log) -> &'static str {
    match log {
        Log::Entries => "select id, version from wallets where id > $1 order by id limit $2",
        Log::StatusChanges => "select id, status_version from wallets where id > $1 order by id limit $2",
    }
}

/// Rows of these wallets above their versions, in a range of positions.
const fn beyond(log: Log) -> &'static str {
    match log {
        Log::Entries => {
            "select e.wallet_id, e.version
             from unnest($1::uuid[], $2::int8[]) k (wallet_id, version)
             cross join lateral (select * from entries e where e.wallet_id = k.wallet_id and e.version > k.version
                                 offset 0) e
             where e.position > $3 and e.position <= $4 order by 1, 2 limit $5"
        }
        Log::StatusChanges => {
            "select s.wallet_id, s.status_version
             from unnest($1::uuid[], $2::int8[]) k (wallet_id, version)
             cross join lateral (select * from status_changes s
                                 where s.wallet_id = k.wallet_id and s.status_version > k.version offset 0) s
             where s.position > $3 and s.position <= $4 order by 1, 2 limit $5"
        }
    }
}

/// Those of these rows that lie beyond a position.
const fn above(log: Log) -> &'static str {
    match log {
        Log::Entries => {
            "select e.wallet_id, e.version
             from unnest($1::uuid[], $2::int8[]) k (wallet_id, version)
             cross join lateral (select * from entries e where e.wallet_id = k.wallet_id and e.version = k.version
                                 offset 0) e
             where e.position > $3 order by 1, 2"
        }
        Log::StatusChanges => {
            "select s.wallet_id, s.status_version
             from unnest($1::uuid[], $2::int8[]) k (wallet_id, version)
             cross join lateral (select * from status_changes s
                                 where s.wallet_id = k.wallet_id and s.status_version = k.version offset 0) s
             where s.position > $3 order by 1, 2"
        }
    }
}

/// At most `limit` wallets after `after`, in the order of their ids, with their last version in this log.
pub(super) async fn last_versions(
    conn: &mut PgConnection,
    log: Log,
    after: WalletId,
    limit: i64,
) -> Result<Vec<(WalletId, i64)>, DbError> {
    pairs(sqlx::query(wallets(log)).bind(after.0).bind(limit).fetch_all(conn).await?)
}

/// The rows above the given version of each wallet whose positions are above `from`, and not above `up_to`.
pub(super) async fn rows_beyond(
    conn: &mut PgConnection,
    log: Log,
    after: &[(WalletId, i64)],
    from: i64,
    up_to: i64,
    limit: i64,
) -> Result<Vec<(WalletId, i64)>, DbError> {
    let (ids, versions) = columns(after);
    let query = sqlx::query(beyond(log)).bind(ids).bind(versions).bind(from).bind(up_to).bind(limit);
    pairs(query.fetch_all(conn).await?)
}

/// Those of these rows that have a position above `from`.
pub(super) async fn rows_above(
    conn: &mut PgConnection,
    log: Log,
    keys: &[(WalletId, i64)],
    from: i64,
) -> Result<Vec<(WalletId, i64)>, DbError> {
    let (ids, versions) = columns(keys);
    pairs(sqlx::query(above(log)).bind(ids).bind(versions).bind(from).fetch_all(conn).await?)
}

/// How many rows a log has beyond a position.
pub(super) async fn count_beyond(conn: &mut PgConnection, log: Log, position: i64) -> Result<i64, DbError> {
    let sql = match log {
        Log::Entries => "select count(*) from entries where position > $1",
        Log::StatusChanges => "select count(*) from status_changes where position > $1",
    };
    Ok(sqlx::query(sql).bind(position).fetch_one(conn).await?.try_get(0)?)
}

fn columns(keys: &[(WalletId, i64)]) -> (Vec<Uuid>, Vec<i64>) {
    keys.iter().map(|(wallet, version)| (wallet.0, *version)).unzip()
}

fn pairs(rows: Vec<sqlx::postgres::PgRow>) -> Result<Vec<(WalletId, i64)>, DbError> {
    rows.iter().map(|row| Ok((WalletId(row.try_get(0)?), row.try_get(1)?))).collect()
}
