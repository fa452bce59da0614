//! Types that several rooms share: pure values, no I/O.

// Money is whole.
#![deny(clippy::float_arithmetic)]

pub mod actor;
pub mod bank_account;
pub mod books;
pub mod buckets;
pub mod clock;
pub mod currency;
pub mod email;
pub mod finding;
pub mod ids;
pub mod money;
pub mod network;
pub mod pagination;
pub mod payout_failure;
pub mod quota;
pub mod status;
pub mod topics;
