//! Every statement on `customers`.

use sea_orm::{ConnectionTrait, DbBackend, Statement};

use crate::{
    db::{DbError, Pool, ask},
    kernel::ids::{CustomerId, CustomerXid},
};

/// A customer by its xid.
pub const FIND: &str = "select id from customers where xid = $1::uuid";

const ADD: &str = "insert into customers (id, xid) values ($1, $2) on conflict (xid) do nothing returning id";

/// The customer with this xid, who is made if it does not exist. Two at once get the same one: the second insertion waits for
/// the first, and the statement after it finds the customer.
pub async fn ensure(db: &Pool, xid: CustomerXid) -> Result<CustomerId, DbError> {
    let new = CustomerId::generate();
    ask(db, move |db| async move {
        let add = Statement::from_sql_and_values(DbBackend::Postgres, ADD, [new.0.into(), xid.0.into()]);
        let find = Statement::from_sql_and_values(DbBackend::Postgres, FIND, [xid.0.into()]);
        let found = match db.query_one_raw(add).await? {
            None => db.query_one_raw(find).await?,
            made => made,
        };
        let found = found.ok_or_else(|| DbError::Defect("a customer just made is missing".to_owned()))?;
        Ok(CustomerId(found.try_get_by_index(0)?))
    })
    .await
}
