//! The heart: money changes here and nowhere else. A batch of operations goes through these phases, on one connection:
//!
//! | phase | statement | locks | cost | may fail because |
//! | --- | --- | --- | --- | --- |
//! | queue ([`posting_loop`]) | | a place in the bounded queue | none | the queue is full (`Overloaded`), no batch begins in time (`Unavailable`) |
//! | lock | [`store::LOCK`] | the wallets' rows, in the order of their ids, `for no key update` | one round trip | another session holds a row for over 250 ms: its operations are put back |
//! | prior state | [`store::PRIOR_STATE`] | the log's advisory lock, shared | one round trip; an index look-up for each reference and key | |
//! | decide ([`book`]) | | | memory; two hashes for a transfer | never: a refusal is a decision |
//! | write | [`store::WRITE`], rarely `WRITE_STATUS`, `WRITE_ADJUSTMENTS` | index entries of references and keys | one round trip; rows as arrays | another batch stored a key first: the whole batch is run again |
//! | commit | `commit` | released with it | one flush of the log to the disk | no answer: another connection looks for the batch's own row ([`book::Proof`]) |
//! | answer | | | | the caller has left: it repeats its request with the same key |
//!
//! The time limits of each are in `time_limits.rs`.
//!
//! Invariants: no bucket is below zero; a wallet's entries are numbered 1, 2, 3 … and chained by their hashes; a
//! reference books once; a key is decided once; no caller is answered before the commit. Locks are taken in this order: wallets by
//! their ids, the log's lock, keys by actor and key.

pub mod audit;
mod backlog;
mod batch_clock;
mod blockers;
pub mod book;
pub mod entry;
mod error;
mod fragments;
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
mod time_limits;
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
