//! Customers' wallets: opening, the balance view (cache first), the status with write-through, and what may be read of an
//! enabled wallet. Money is moved by [`payments`](crate::payments).

mod booking;
mod cache_audit;
mod cache_fill;
mod error;
mod service;
mod sources;
mod status_order;
mod views;

pub use booking::Booking;
pub use cache_audit::{CACHE_RULES, CacheAudited, audit_cache};
pub use cache_fill::{CacheFill, CacheFiller};
pub use error::AccountError;
pub use service::{Accounts, AccountsService, AccountsServiceParameters};
pub use status_order::StatusOrder;
pub use views::{EnabledWallet, OwnedWallet, Versioned};
