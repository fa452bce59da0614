//! Missing books, for refreshers that never need them.

use async_trait::async_trait;
use wallet::{
    accounts::{AccountError, CacheFill},
    kernel::ids::WalletId,
};

/// Books that are never read, as no message is missing.
pub struct NoBooks;

#[async_trait]
impl CacheFill for NoBooks {
    async fn refill(&self, wallets: &[WalletId]) -> Result<(), AccountError> {
        panic!("no message of {wallets:?} is missing");
    }

    async fn rebuild(&self) -> Result<u64, AccountError> {
        panic!("nobody rebuilds the cache");
    }
}
