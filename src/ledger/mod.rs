//! THE HEART. Money changes here and nowhere else: operations wait in a bounded queue, the posting loop takes what
//! waits, locks the wallets concerned, decides in memory, writes, commits once, and only then answers each caller.
//!
//! Invariants: no bucket is below zero; a wallet's entries are numbered 1, 2, 3 … and chained by their hashes; a
//! reference books once; a key is answered once; nobody is answered before the commit. Locks are taken in the order of wallet ids.

pub mod audit;
mod backlog;
mod batch_clock;
mod blockers;
pub mod book;
pub mod entry;
mod error;
pub mod history;
mod lane;
mod left_out;
pub mod log;
pub mod operation;
pub mod outcome;
pub mod posting_loop;
mod preview;
mod prior_state;
mod refusal;
mod service;
pub mod store;
pub mod top_follower;
mod top_reader;
mod top_tails;
pub mod top_transfers;
pub mod wallet_state;

pub use error::LedgerError;
pub use operation::{Action, Adjustment, Direction, Key, KeyName, Kind, Operation, Refusals, Transfer};
pub use outcome::{
    BalanceAfter, Decision, Done, IdempotencyRecord, Outcome, Preview, Receipt, StatusReceipt,
};
pub use prior_state::PriorState;
pub use refusal::Refusal;
pub use service::{Ledger, LedgerService, LedgerServiceParameters};
pub use top_reader::LargestTransfers;
pub use wallet_state::{Buckets, Status, WalletState};
