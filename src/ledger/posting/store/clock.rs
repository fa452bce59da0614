//! Postgres' clock: when an operator accepted it, and whether what was booked last lies ahead of it.

use sqlx::{PgConnection, Row};

use crate::{
    db::{DbError, Pool, ask},
    kernel::{clock::Timestamp, ids::WalletId},
};

/// When an operator accepted Postgres' clock last, by that clock.
pub const ACCEPTED_AT: &str = "select max(accepted_at) from clock_acceptances";

const ACCEPT: &str = "\
insert into clock_acceptances (actor, reason) values ($1, $2) returning accepted_at";

/// The furthest ahead of the newest thousand entries, if it lies in the future. The same tolerance as in the audit.
const AHEAD: &str = "\
select wallet_id, version, occurred_at
from (select wallet_id, version, occurred_at from entries order by position desc limit 1000) e
where occurred_at > clock_timestamp() + interval '1 minute'
order by occurred_at desc limit 1";

/// An entry that is dated in the future.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntryAhead {
    pub wallet: WalletId,
    pub version: i64,
    pub occurred_at: Timestamp,
}

/// Asked on the batch writer's connection, only where Postgres' clock can't be believed by itself.
pub async fn clock_accepted_at(conn: &mut PgConnection) -> Result<Option<Timestamp>, DbError> {
    Ok(sqlx::query_scalar(ACCEPTED_AT).fetch_one(conn).await?)
}

/// Keeps an operator's word that Postgres' clock is right now. Answers with the time that it shows.
pub async fn accept_clock(db: &Pool, actor: &str, reason: &str) -> Result<Timestamp, DbError> {
    let (actor, reason) = (actor.to_owned(), reason.to_owned());
    ask(db, |db| async move {
        let pool = db.get_postgres_connection_pool();
        Ok(sqlx::query_scalar(ACCEPT).bind(actor).bind(reason).fetch_one(pool).await?)
    })
    .await
}

/// One of the newest entries that is dated in the future.
pub async fn entry_ahead(db: &Pool) -> Result<Option<EntryAhead>, DbError> {
    let found = ask(db, |db| async move {
        Ok(sqlx::query(AHEAD).fetch_optional(db.get_postgres_connection_pool()).await?)
    });
    let Some(row) = found.await? else { return Ok(None) };
    Ok(Some(EntryAhead {
        wallet: WalletId(row.try_get("wallet_id")?),
        version: row.try_get("version")?,
        occurred_at: row.try_get("occurred_at")?,
    }))
}
