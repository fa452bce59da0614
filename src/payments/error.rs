//! What can go wrong with an order.

use thiserror::Error;

use crate::{db::DbError, ledger::LedgerError};

/// Why an order has no outcome.
#[derive(Debug, Error)]
pub enum PaymentError {
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The recipient could not be looked up.
    #[error(transparent)]
    Db(#[from] DbError),
    #[error("no such hold")]
    HoldNotFound,
}
