//! Customers by their xid and their wallets: opening, the balance view (cache first), status, deposits, withdrawals.
//! What may happen to money is decided by the ledger; this room knows whose it is and how it is shown.

mod cache_audit;
mod cache_fill;
mod error;
mod recipients;
mod service;
pub mod store;

pub use cache_audit::{CACHE_RULES, CacheAudited, audit_cache};
pub use cache_fill::{CacheFill, CacheFiller};
pub use error::WalletError;
pub use recipients::Recipients;
pub use service::{
    Booking, Mode, OwnedWallet, StatusOrder, TransferOrder, WalletService, WalletServiceParameters, Wallets,
};
