//! Wallets as rows: opening them, reading them without a lock, and finding whom a recipient stands for. What changes a wallet's
//! money or status is [`posting`](crate::ledger::posting)'s.

mod recipients;
pub mod store;

pub use self::{
    recipients::{RECIPIENTS, RecipientMatch, RecipientQuery, recipients},
    store::{Wallet, find, open, wallet, wallets, wallets_after},
};
