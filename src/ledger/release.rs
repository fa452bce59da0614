//! Deposits whose money may be spent from a moment on.

use crate::kernel::{
    clock::Timestamp,
    ids::{OperationId, WalletId},
};

/// One row of `releases`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Release {
    /// The deposit.
    pub transaction: OperationId,
    pub wallet: WalletId,
    /// What is still unreleased, in minor units.
    pub amount: i64,
    pub due_at: Timestamp,
}
