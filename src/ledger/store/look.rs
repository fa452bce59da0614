//! A look at what an operation would meet: the loop's questions over the pool, without a lock.

use sea_orm::DatabaseConnection;
use sqlx::Row;
use uuid::Uuid;

use super::{wallet_state, wallets_by_id};
use crate::{
    db::{DbError, ask},
    kernel::{clock::Timestamp, ids::OperationId},
    ledger::{book::Book, operation::Operation},
};

const WALLETS: &str = wallets_by_id!("");

/// The time, and the transaction that used the reference up.
const REFERENCE: &str = "\
select clock_timestamp() as at,
       (select t.id from transactions t
        where t.wallet_id = $1 and t.kind = $2 and t.reference_id = $3 and t.status <> 2) as used_by";

/// A book as it would be for this operation now, and the time. Nothing is locked: it may be otherwise a moment later.
pub async fn look(db: &DatabaseConnection, operation: &Operation) -> Result<(Book, Timestamp), DbError> {
    let (wallet, reference) = (operation.wallet, operation.reference());
    let ids: Vec<Uuid> = operation.wallets().map(|id| id.0).collect();
    ask(db, move |db| async move {
        let mut conn = db.get_postgres_connection_pool().acquire().await?;
        let row = sqlx::query(REFERENCE)
            .bind(wallet.0)
            .bind(reference.map(|key| key.kind.code()))
            .bind(reference.map(|key| key.reference.0))
            .fetch_one(&mut *conn)
            .await?;
        let used_by: Option<Uuid> = row.try_get("used_by")?;
        let known = reference.zip(used_by.map(OperationId));
        let rows = sqlx::query(WALLETS).bind(ids).fetch_all(&mut *conn).await?;
        let wallets = rows.iter().map(wallet_state).collect::<Result<Vec<_>, _>>()?;
        Ok((Book::new(wallets, known, []), row.try_get("at")?))
    })
    .await
}
