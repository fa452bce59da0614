//! What can go wrong with a wallet.

use thiserror::Error;

use crate::{cache::CacheError, db::DbError, ledger::LedgerError};

/// Why a request about a wallet failed.
#[derive(Debug, Error)]
pub enum AccountError {
    /// There is no such wallet.
    #[error("no such wallet")]
    NotFound,
    /// The wallet is disabled, and only enabled ones can be read this way.
    #[error("the wallet is disabled")]
    Disabled,
    /// The version that the reader asked for does not exist yet.
    #[error("the wallet is at version {current}")]
    VersionNotReached { current: i64 },
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(transparent)]
    Db(#[from] DbError),
    /// Only of requests about the cache itself.
    #[error(transparent)]
    Cache(#[from] CacheError),
}
