//! What can go wrong with a wallet.

use thiserror::Error;

use crate::{cache::CacheError, db::DbError, ledger::LedgerError};

/// Why a request about a wallet got no "yes".
#[derive(Debug, Error)]
pub enum WalletError {
    /// There is no such wallet.
    #[error("no such wallet")]
    NotFound,
    /// The wallet is disabled, and what was asked shows only enabled ones.
    #[error("the wallet is disabled")]
    Disabled,
    /// The version that the reader asked for does not exist yet.
    #[error("the wallet is at version {current}")]
    VersionNotReached { current: i64 },
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(transparent)]
    Db(#[from] DbError),
    /// Only where the cache itself is what was asked for.
    #[error(transparent)]
    Cache(#[from] CacheError),
}
