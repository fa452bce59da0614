//! Statements on `revocations`.

use sea_orm::{ConnectionTrait, QueryResult, Value};
use uuid::Uuid;

use super::statement::statement;
use crate::{
    db::{DbError, Pool, ask},
    identity::revocations::{Revocation, Revoked},
    kernel::{
        clock::Timestamp,
        ids::{CustomerXid, SessionId},
    },
};

/// What was revoked since a time and is in force, and the time now.
pub const REVOCATIONS_SINCE: &str = "\
select clock_timestamp() as now, r.kind, r.value, r.issued_until, r.expires_at
from (select 1) one left join revocations r on r.created_at >= $1::timestamptz and r.expires_at > now()";

/// A revocation. It includes a customer's tokens of the next five seconds, and lasts a minute longer than the tokens, because the clocks
/// of processes differ.
pub const REVOKE: &str = "\
insert into revocations (kind, value, issued_until, expires_at)
values ($1, $2, clock_timestamp() + interval '5 seconds', clock_timestamp() + ($3::int8 + 60) * interval '1 second')
returning kind, value, issued_until, expires_at";

/// Deletes some revocations whose tokens have expired.
pub const SWEEP_REVOCATIONS: &str = "\
delete from revocations where id = any(array(
    select id from revocations where expires_at < now() order by expires_at limit 1000))";

const SESSION: i16 = 1;
const CUSTOMER: i16 = 2;
const TOKEN: i16 = 3;

/// The values of [`REVOKE`]. `seconds`: the maximum lifetime of such a token.
pub(super) fn values(of: &Revoked, seconds: i64) -> [Value; 3] {
    let (kind, id) = match of {
        Revoked::Session(session) => (SESSION, session.0),
        Revoked::Customer(xid) => (CUSTOMER, xid.0),
        Revoked::Token(token) => (TOKEN, *token),
    };
    [kind.into(), id.to_string().into(), seconds.into()]
}

/// Revokes one token.
pub async fn revoke_token(db: &Pool, token: Uuid, seconds: i64) -> Result<Vec<Revocation>, DbError> {
    ask(db, move |db| async move {
        let row = db.query_one_raw(statement(REVOKE, values(&Revoked::Token(token), seconds))).await?;
        row.iter().map(revocation).collect()
    })
    .await
}

pub async fn revocations_since(db: &Pool, since: Timestamp) -> Result<(Timestamp, Vec<Revocation>), DbError> {
    ask(db, move |db| async move {
        let rows = db.query_all_raw(statement(REVOCATIONS_SINCE, [since.into()])).await?;
        let first = rows.first().ok_or_else(|| DbError::Defect("no time".to_owned()))?;
        let now = first.try_get("", "now")?;
        let is_one =
            |row: &&QueryResult| row.try_get::<Option<i16>>("", "kind").is_ok_and(|kind| kind.is_some());
        Ok((now, rows.iter().filter(is_one).map(revocation).collect::<Result<_, _>>()?))
    })
    .await
}

pub(super) fn revocation(row: &QueryResult) -> Result<Revocation, DbError> {
    let value: String = row.try_get("", "value")?;
    let unreadable = || DbError::Defect(format!("a revocation of {value} cannot be read"));
    let id: Uuid = value.parse().map_err(|_| unreadable())?;
    let of = match row.try_get("", "kind")? {
        SESSION => Revoked::Session(SessionId(id)),
        CUSTOMER => Revoked::Customer(CustomerXid(id)),
        TOKEN => Revoked::Token(id),
        _ => return Err(unreadable()),
    };
    Ok(Revocation {
        of,
        issued_until: row.try_get("", "issued_until")?,
        expires_at: row.try_get("", "expires_at")?,
    })
}
