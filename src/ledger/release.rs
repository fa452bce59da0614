//! What is stored of money that waits, and what a wallet has due.

use crate::kernel::{
    clock::Timestamp,
    ids::{OperationId, WalletId},
};

/// The maximum number of a wallet's due items that one batch books.
pub const DUE_MAX: usize = 500;

/// One row of `releases`: a deposit whose money may be spent from a moment on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Release {
    /// The deposit.
    pub transaction: OperationId,
    pub wallet: WalletId,
    /// What is still unreleased, in minor units.
    pub amount: i64,
    pub due_at: Timestamp,
}

/// An open release that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DueItem {
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

/// A row of `releases` that a step has closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClosedRelease {
    pub transaction: OperationId,
    /// The step.
    pub by: OperationId,
}
