//! Statements on `sessions` and `refresh_tokens`.

use sea_orm::{ConnectionTrait, QueryResult, TransactionTrait};
use uuid::Uuid;

use super::{
    revocations::{REVOKE, revocation, values},
    statement::statement,
};
use crate::{
    db::{DbError, Pool, ask},
    identity::{
        refresh_token::TokenHash,
        revocations::{Revocation, Revoked},
        rotation::{Presented, Rotation},
    },
    kernel::{
        clock::Timestamp,
        ids::{CustomerId, CustomerXid, SessionId, WalletId},
    },
};

/// A session of a user whose password is still the one that was checked. His row is locked: a change of the password that is under way is
/// waited for, and ends every session that began before it.
const BEGIN: &str = "\
insert into sessions (id, customer_id, wallet_id, user_agent, expires_at)
select $1, u.customer_id, $3, $4, now() + $5::int8 * interval '1 second'
from users u where u.customer_id = $2 and u.password_hash = $6
for share of u";

const ADD_TOKEN: &str = "\
insert into refresh_tokens (hash, session_id, parent, expires_at)
values ($1, $2, $3, now() + $4::int8 * interval '1 second')";

/// A refresh token that is presented; of two requests with it at once one waits.
pub const PRESENTED: &str = "\
select session_id, expires_at, used_at from refresh_tokens where hash = any($1::bytea[]) for update";

/// The session of a token, whether one that the token was exchanged for was exchanged itself, and the number of tokens that the session
/// got in the last minute, as far as 100; of two tokens of a session at once one waits.
pub const SESSION: &str = "\
select s.wallet_id, (select c.xid from customers c where c.id = s.customer_id) as xid, s.ended_at is null as is_open,
       s.expires_at, clock_timestamp() as now,
       exists (select from refresh_tokens n where n.parent = any($2::bytea[]) and n.used_at is not null) as is_superseded,
       (select count(*) from (select from refresh_tokens n
                              where n.session_id = s.id and n.created_at > now() - interval '1 minute' limit 100) r) as recent
from sessions s where s.id = any($1::uuid[]) for update";

const USE: &str = "update refresh_tokens set used_at = coalesce(used_at, clock_timestamp()) where hash = $1";

const TOUCH: &str = "update sessions set last_used_at = clock_timestamp() where id = $1";

/// Ends a session of a customer.
pub const END: &str = "\
update sessions s set ended_at = now(), expires_at = least(s.expires_at, now())
where s.id = $1::uuid and s.customer_id = (select c.id from customers c where c.xid = $2::uuid) and s.ended_at is null
returning s.id";

/// Ends all of them, and revokes the tokens of each.
pub const END_ALL: &str = "\
with ended as (
    update sessions set ended_at = now(), expires_at = least(expires_at, now())
    where customer_id = $1::uuid and ended_at is null returning id)
insert into revocations (kind, value, issued_until, expires_at)
select 1, id::text, clock_timestamp(), clock_timestamp() + ($2::int8 + 60) * interval '1 second' from ended
returning kind, value, issued_until, expires_at";

/// The open sessions of a customer, the one that was used last first.
pub const LIST: &str = "\
select s.id, s.user_agent, s.created_at, s.last_used_at, s.expires_at
from sessions s
where s.customer_id = (select c.id from customers c where c.xid = $1::uuid) and s.ended_at is null and s.expires_at > now()
order by s.last_used_at desc, s.id limit 100";

/// Deletes some tokens that expired a day ago.
pub const SWEEP_TOKENS: &str = "\
delete from refresh_tokens where hash = any(array(
    select hash from refresh_tokens where expires_at < now() - interval '1 day' order by expires_at limit 1000))";

/// Deletes some sessions that expired or ended a day ago and have no token left.
pub const SWEEP_SESSIONS: &str = "\
delete from sessions where id = any(array(
    select s.id from sessions s
    where s.expires_at < now() - interval '1 day'
      and (select count(*) from (select from refresh_tokens t where t.session_id = s.id limit 1) left_over) = 0
    order by s.expires_at limit 1000))";

/// How long refresh tokens and sessions are accepted, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetime {
    /// A refresh token, from its issue.
    pub token: i64,
    /// A session, from its beginning.
    pub session: i64,
    /// The revocation of a session: as long as its last access token may be valid.
    pub revocation: i64,
}

/// A session that begins.
pub struct NewSession {
    pub id: SessionId,
    pub customer: CustomerId,
    /// The hash of the password that was checked.
    pub password_hash: String,
    pub wallet: WalletId,
    pub user_agent: String,
    pub token: TokenHash,
}

/// Where a user is signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenSession {
    pub id: SessionId,
    pub user_agent: String,
    pub created_at: Timestamp,
    pub last_used_at: Timestamp,
    pub expires_at: Timestamp,
}

/// What has become of a refresh token that was presented.
pub enum Refreshed {
    Granted {
        session: SessionId,
        xid: CustomerXid,
        wallet: WalletId,
    },
    Refused,
    /// The session has ended for it.
    Replayed(Vec<Revocation>),
    /// The session has got too many tokens lately.
    TooMany,
}

/// False: the password has been changed meanwhile.
pub async fn begin(db: &Pool, new: NewSession, lifetime: Lifetime) -> Result<bool, DbError> {
    ask(db, move |db| async move {
        let NewSession { id, customer, password_hash, wallet, user_agent, token } = new;
        let changes = db.begin().await?;
        let session = [
            id.0.into(),
            customer.0.into(),
            wallet.0.into(),
            user_agent.into(),
            lifetime.session.into(),
            password_hash.into(),
        ];
        if changes.execute_raw(statement(BEGIN, session)).await?.rows_affected() == 0 {
            return Ok(false);
        }
        let token = [token.0.into(), id.0.into(), None::<Vec<u8>>.into(), lifetime.token.into()];
        changes.execute_raw(statement(ADD_TOKEN, token)).await?;
        changes.commit().await?;
        Ok(true)
    })
    .await
}

/// Exchanges a refresh token for the next one, or ends the session of one that is replayed.
pub async fn refresh(
    db: &Pool,
    presented: TokenHash,
    next: TokenHash,
    lifetime: Lifetime,
) -> Result<Refreshed, DbError> {
    ask(db, move |db| async move {
        let changes = db.begin().await?;
        let token = changes.query_one_raw(statement(PRESENTED, [presented.to_array().into()])).await?;
        let Some(token) = token else { return Ok(Refreshed::Refused) };
        let session = SessionId(token.try_get("", "session_id")?);
        let of = [format!("{{{session}}}").into(), presented.to_array().into()];
        let row = changes.query_one_raw(statement(SESSION, of)).await?;
        let Some(row) = row else { return Ok(Refreshed::Refused) };
        let refreshed = match presented_of(&token, &row)?.rotation(row.try_get("", "now")?) {
            Rotation::Refused => return Ok(Refreshed::Refused),
            Rotation::TooMany => return Ok(Refreshed::TooMany),
            Rotation::Replayed => {
                let xid: Uuid = row.try_get("", "xid")?;
                changes.execute_raw(statement(END, [session.0.into(), xid.into()])).await?;
                let revoked = values(&Revoked::Session(session), lifetime.revocation);
                let row = changes.query_one_raw(statement(REVOKE, revoked)).await?;
                Refreshed::Replayed(row.iter().map(revocation).collect::<Result<_, _>>()?)
            }
            Rotation::Granted => {
                changes.execute_raw(statement(USE, [presented.0.clone().into()])).await?;
                let token =
                    [next.0.into(), session.0.into(), Some(presented.0).into(), lifetime.token.into()];
                changes.execute_raw(statement(ADD_TOKEN, token)).await?;
                changes.execute_raw(statement(TOUCH, [session.0.into()])).await?;
                let (xid, wallet) = (row.try_get("", "xid")?, row.try_get("", "wallet_id")?);
                Refreshed::Granted { session, xid: CustomerXid(xid), wallet: WalletId(wallet) }
            }
        };
        changes.commit().await?;
        Ok(refreshed)
    })
    .await
}

/// Ends a session of this customer, and revokes its tokens; none: there is no such open one.
pub async fn end(
    db: &Pool,
    session: SessionId,
    xid: CustomerXid,
    lifetime: Lifetime,
) -> Result<Option<Vec<Revocation>>, DbError> {
    ask(db, move |db| async move {
        let changes = db.begin().await?;
        let ended = changes.query_one_raw(statement(END, [session.0.into(), xid.0.into()])).await?;
        if ended.is_none() {
            return Ok(None);
        }
        let revoked = values(&Revoked::Session(session), lifetime.revocation);
        let row = changes.query_one_raw(statement(REVOKE, revoked)).await?;
        let revoked = row.iter().map(revocation).collect::<Result<_, _>>()?;
        changes.commit().await?;
        Ok(Some(revoked))
    })
    .await
}

pub async fn list(db: &Pool, xid: CustomerXid) -> Result<Vec<OpenSession>, DbError> {
    ask(db, move |db| async move {
        let rows = db.query_all_raw(statement(LIST, [xid.0.into()])).await?;
        rows.iter().map(open_session).collect()
    })
    .await
}

fn presented_of(token: &QueryResult, session: &QueryResult) -> Result<Presented, DbError> {
    Ok(Presented {
        is_open: session.try_get("", "is_open")?,
        session_expires_at: session.try_get("", "expires_at")?,
        expires_at: token.try_get("", "expires_at")?,
        used_at: token.try_get("", "used_at")?,
        is_superseded: session.try_get("", "is_superseded")?,
        recent: session.try_get("", "recent")?,
    })
}

fn open_session(row: &QueryResult) -> Result<OpenSession, DbError> {
    Ok(OpenSession {
        id: SessionId(row.try_get("", "id")?),
        user_agent: row.try_get("", "user_agent")?,
        created_at: row.try_get("", "created_at")?,
        last_used_at: row.try_get("", "last_used_at")?,
        expires_at: row.try_get("", "expires_at")?,
    })
}
