//! The dry run: the decision of an operation by what the books say now. Nothing is locked, and nothing is written.

use super::store;
use crate::{
    db::{Pool, ask},
    ledger::{
        book::{Book, MoreDue},
        error::LedgerError,
        operation::Operation,
        outcome::Outcome,
    },
};

/// What would become of an operation; it may become something else a moment later. Its key is not looked at.
pub async fn preview(db: &Pool, operation: Operation) -> Result<Outcome, LedgerError> {
    let operation = Operation { key: None, ..operation };
    let decided = ask(db, |db| async move {
        let mut conn = db.get_postgres_connection_pool().acquire().await?;
        let wallets: Vec<_> = operation.wallets().collect();
        let wallets = store::read(&mut conn, &wallets).await?;
        let (prior, now) =
            store::prior_state(&mut conn, store::PRIOR_STATE_UNLOCKED, wallets, &[&operation]).await?;
        Ok(Book::new(prior).preview(&operation, now))
    });
    // More is due than one look reads: a worker is about to book it.
    decided.await?.map(Outcome::new).map_err(|MoreDue| LedgerError::Unavailable)
}
