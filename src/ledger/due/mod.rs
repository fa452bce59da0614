//! The worker that books what is due.

mod store;
mod worker;

pub use self::{store::DUE_WALLETS, worker::DueWorker};
