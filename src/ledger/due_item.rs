//! What a wallet has due.

use crate::kernel::{
    clock::Timestamp,
    ids::{OperationId, WalletId},
};

/// The maximum number of a wallet's due items that one batch books.
pub const DUE_MAX: usize = 500;
/// The maximum number of due items that one batch books, of all its wallets.
pub const DUE_MAX_OF_BATCH: usize = 2_000;

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DueKind {
    /// An open release: its money may be spent.
    Release,
    /// An open hold whose time is over: its money may be spent again.
    HoldExpiry,
}

/// An open release or hold whose moment has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DueItem {
    pub kind: DueKind,
    pub transaction: OperationId,
    /// Minor units.
    pub amount: i64,
    pub due_at: Timestamp,
    /// The number of the transaction's last step; 1: nothing has happened to it since it was booked.
    pub last_step: i32,
}

/// What is due in a wallet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WalletDue {
    pub wallet: WalletId,
    /// The oldest first, at most [`DUE_MAX`].
    pub items: Vec<DueItem>,
    /// When the first one after those becomes due, or became.
    pub next_due_at: Option<Timestamp>,
}

/// A row of `releases` or `holds` that a step closes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closing {
    /// The transaction whose row it is.
    pub transaction: OperationId,
    /// The step.
    pub by: OperationId,
}
