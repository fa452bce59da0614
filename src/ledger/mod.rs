//! The heart: money changes here and nowhere else. A batch of operations goes through these phases, on one connection:
//!
//! | phase | statement | locks | cost | may fail because |
//! | --- | --- | --- | --- | --- |
//! | queue ([`posting`]) | | a place in the bounded queue | none | the queue is full (`Overloaded`), no batch begins in time (`Unavailable`) |
//! | lock | [`posting::store::LOCK`] | the wallets' rows, in the order of their ids, `for no key update` | one round trip | another session holds a row for over 250 ms: its operations are put back |
//! | prior state | [`posting::store::PRIOR_STATE`] | the log's advisory lock, shared | one round trip; an index look-up for each reference and key | |
//! | decide ([`book`]) | | | memory; two hashes for a transfer | never: a refusal is a decision |
//! | write | [`posting::store::WRITE`], rarely `WRITE_STATUS`, `WRITE_WAITING`, `WRITE_PAYOUTS`, `WRITE_ADJUSTMENTS` | index entries of references and keys | one round trip; rows as arrays | another batch stored a key first: the whole batch is run again |
//! | commit | `commit` | released with it | one flush of the log to the disk | no answer: another connection looks for the batch's own row ([`book::Proof`]) |
//! | answer | | | | the caller has left: it repeats its request with the same key |
//!
//! The time limits of each are in `posting/time_limits.rs`.
//!
//! Invariants: no bucket is below zero; a wallet's entries are numbered 1, 2, 3 … and chained by their hashes; a
//! reference books once; a key is decided once; no caller is answered before the commit. Locks are taken in this order: wallets by
//! their ids, the log's lock, keys by actor and key.

// Money is whole.
#![deny(clippy::float_arithmetic)]

pub mod audit;
pub mod book;
pub mod due;
pub mod due_item;
pub mod entry;
mod error;
mod fragments;
pub mod hold;
pub mod key_expiry;
pub mod kind;
mod locks;
pub mod log;
pub mod operation;
pub mod outcome;
pub mod payout;
pub mod posting;
mod prior_state;
pub mod read;
mod refusal;
pub mod release;
mod service;
pub mod top_transfers;
pub mod wallet_state;
pub mod wallets;

pub use error::LedgerError;
pub use kind::Kind;
pub use operation::{
    Action, Adjustment, Capture, Deposit, Direction, EndPayout, Key, KeyName, Operation, PayoutEnding,
    PlaceHold, Refusals, RequestPayout, Transfer,
};
pub use outcome::{
    BalanceAfter, Decision, Done, IdempotencyRecord, Outcome, Preview, Receipt, Settled, StatusReceipt,
};
pub use prior_state::PriorState;
pub use refusal::Refusal;
pub use service::{Ledger, LedgerService, LedgerServiceParameters};
pub use top_transfers::LargestTransfers;
pub use wallet_state::WalletState;
