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

const CHANGE: &str = "\
update users set name = coalesce($2, name), language = coalesce($3, language), password_hash = coalesce($4, password_hash)
where customer_id = $1::uuid";

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
    pub password_hash: Option<String>,
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

/// Stores another hash of the same password, if it is still that.
pub async fn rehash(db: &Pool, customer: CustomerId, before: String, after: String) -> Result<(), DbError> {
    ask(db, move |db| async move {
        db.execute_raw(statement(REHASH, [customer.0.into(), before.into(), after.into()])).await?;
        Ok(())
    })
    .await
}

/// Changes a user. With another password every session ends, and every token of the customer is revoked for `seconds`.
pub async fn change(
    db: &Pool,
    (customer, xid): (CustomerId, CustomerXid),
    change: Change,
    seconds: i64,
) -> Result<Vec<Revocation>, DbError> {
    ask(db, move |db| async move {
        let Change { name, language, password_hash } = change;
        let is_another_password = password_hash.is_some();
        let changes = db.begin().await?;
        let values_of = [customer.0.into(), name.into(), language.into(), password_hash.into()];
        changes.execute_raw(statement(CHANGE, values_of)).await?;
        let mut revoked = Vec::new();
        if is_another_password {
            let mut rows =
                changes.query_all_raw(statement(END_ALL, [customer.0.into(), seconds.into()])).await?;
            let of_customer = values(&Revoked::Customer(xid), seconds);
            rows.extend(changes.query_one_raw(statement(REVOKE, of_customer)).await?);
            revoked = rows.iter().map(revocation).collect::<Result<_, _>>()?;
        }
        changes.commit().await?;
        Ok(revoked)
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
