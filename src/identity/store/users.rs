//! Statements on `users`.

use sea_orm::{ConnectionTrait, QueryResult, TransactionTrait};

use super::{
    revocations::{REVOKE, revocation, values},
    sessions::END_ALL,
    statement::statement,
};
use crate::{
    db::{DbError, Pool, ask},
    identity::revocations::{Revocation, Revoked},
    kernel::{
        clock::Timestamp,
        email::Email,
        ids::{CustomerId, CustomerXid},
    },
};

/// A user by the compared form of his address.
pub const BY_EMAIL: &str = "\
select u.customer_id, c.xid, u.email, u.email_verified_at, u.name, u.language, u.password_hash, u.created_at
from users u
cross join lateral (select xid from customers c where c.id = u.customer_id offset 0) c
where u.email_key = $1";

/// A user by the xid of his customer.
pub const BY_CUSTOMER: &str = "\
select u.customer_id, c.xid, u.email, u.email_verified_at, u.name, u.language, u.password_hash, u.created_at
from customers c
cross join lateral (select * from users u where u.customer_id = c.id offset 0) u
where c.xid = $1::uuid";

/// A customer who exists becomes a user; no row if another user has the address, or he is one.
const ADD: &str = "\
insert into users (customer_id, email, email_key, email_verified_at, name, language, password_hash)
select c.id, $2, $3, case when $4 then now() end, $5, $6, $7 from customers c where c.xid = $1::uuid
on conflict do nothing
returning customer_id";

const REHASH: &str =
    "update users set password_hash = $3 where customer_id = $1::uuid and password_hash = $2";

/// A change; of the password only if it is still the one that was checked.
const CHANGE: &str = "\
update users set name = coalesce($2, name), language = coalesce($3, language), password_hash = coalesce($4, password_hash)
where customer_id = $1::uuid and ($4 is null or password_hash = $5)
returning customer_id, $6::uuid as xid, email, email_verified_at, name, language, password_hash, created_at";

/// A row of `users`.
#[derive(Clone, PartialEq, Eq)]
pub struct User {
    pub customer: CustomerId,
    pub xid: CustomerXid,
    pub email: String,
    pub email_verified_at: Option<Timestamp>,
    pub name: Option<String>,
    pub language: Option<String>,
    pub password_hash: String,
    pub created_at: Timestamp,
}

/// A user who is to be made of a customer.
pub struct NewUser {
    pub xid: CustomerXid,
    pub email: Email,
    pub is_verified: bool,
    pub name: Option<String>,
    pub language: Option<String>,
    pub password_hash: String,
}

/// What is changed; `None` stays as it is.
#[derive(Default)]
pub struct Change {
    pub name: Option<String>,
    pub language: Option<String>,
    /// The hash of the next password, and the one that the old password was checked by.
    pub password: Option<(String, String)>,
}

pub async fn by_email(db: &Pool, email: &Email) -> Result<Option<User>, DbError> {
    let key = email.key().to_owned();
    ask(db, move |db| async move {
        db.query_one_raw(statement(BY_EMAIL, [key.into()])).await?.as_ref().map(user).transpose()
    })
    .await
}

pub async fn by_xid(db: &Pool, xid: CustomerXid) -> Result<Option<User>, DbError> {
    ask(db, move |db| async move {
        db.query_one_raw(statement(BY_CUSTOMER, [xid.0.into()])).await?.as_ref().map(user).transpose()
    })
    .await
}

/// None: another user has the address, or the customer is one.
pub async fn add(db: &Pool, new: NewUser) -> Result<Option<CustomerId>, DbError> {
    let NewUser { xid, email, is_verified, name, language, password_hash } = new;
    let values = [
        xid.0.into(),
        email.as_str().into(),
        email.key().into(),
        is_verified.into(),
        name.into(),
        language.into(),
        password_hash.into(),
    ];
    ask(db, move |db| async move {
        let added = db.query_one_raw(statement(ADD, values)).await?;
        added.map(|row| Ok(CustomerId(row.try_get_by_index(0)?))).transpose()
    })
    .await
}

/// Stores another hash of the same password; false: it has another one meanwhile.
pub async fn rehash(db: &Pool, customer: CustomerId, before: String, after: String) -> Result<bool, DbError> {
    ask(db, move |db| async move {
        let rehashed =
            db.execute_raw(statement(REHASH, [customer.0.into(), before.into(), after.into()])).await?;
        Ok(rehashed.rows_affected() == 1)
    })
    .await
}

/// How long revocations last, in seconds: the maximum lifetimes of the tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RevocationTtl {
    /// Of a session's tokens.
    pub session: i64,
    /// Of tokens that are of no session.
    pub customer: i64,
}

/// Changes a user, and answers with the row. With another password every session ends, and every token of the customer is revoked.
/// None: the password that was checked is not the present one.
pub async fn change(
    db: &Pool,
    (customer, xid): (CustomerId, CustomerXid),
    change: Change,
    ttl: RevocationTtl,
) -> Result<Option<(User, Vec<Revocation>)>, DbError> {
    ask(db, move |db| async move {
        let Change { name, language, password } = change;
        let (next, checked) = password.unzip();
        let is_another_password = next.is_some();
        let changes = db.begin().await?;
        let values_of =
            [customer.0.into(), name.into(), language.into(), next.into(), checked.into(), xid.0.into()];
        let Some(row) = changes.query_one_raw(statement(CHANGE, values_of)).await? else { return Ok(None) };
        let mut revoked = Vec::new();
        if is_another_password {
            let of_sessions = statement(END_ALL, [customer.0.into(), ttl.session.into()]);
            let mut rows = changes.query_all_raw(of_sessions).await?;
            let of_customer = values(&Revoked::Customer(xid), ttl.customer);
            rows.extend(changes.query_one_raw(statement(REVOKE, of_customer)).await?);
            revoked = rows.iter().map(revocation).collect::<Result<_, _>>()?;
        }
        changes.commit().await?;
        Ok(Some((user(&row)?, revoked)))
    })
    .await
}

fn user(row: &QueryResult) -> Result<User, DbError> {
    Ok(User {
        customer: CustomerId(row.try_get("", "customer_id")?),
        xid: CustomerXid(row.try_get("", "xid")?),
        email: row.try_get("", "email")?,
        email_verified_at: row.try_get("", "email_verified_at")?,
        name: row.try_get("", "name")?,
        language: row.try_get("", "language")?,
        password_hash: row.try_get("", "password_hash")?,
        created_at: row.try_get("", "created_at")?,
    })
}
