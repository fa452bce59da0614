//! Books that are not there, for refreshers that never need them.

use async_trait::async_trait;
use wallet::{
    kernel::ids::WalletId,
    wallet::{CacheFill, WalletError},
};

/// Books that nobody asks: no message is missing here.
pub struct NoBooks;

#[async_trait]
impl CacheFill for NoBooks {
    async fn refill(&self, wallets: &[WalletId]) -> Result<(), WalletError> {
        panic!("no message of {wallets:?} is missing");
    }

    async fn rebuild(&self) -> Result<u64, WalletError> {
        panic!("nobody rebuilds the cache");
    }
}
