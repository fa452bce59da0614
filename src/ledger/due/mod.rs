//! The worker that books what is due.

mod left_out;
mod store;
mod worker;

pub use self::{store::DUE_WALLETS, worker::DueWorker};
