//! Money that is reserved for a bank until the bank has paid, or does not pay.

use super::kind::Kind;
use crate::kernel::{
    bank_account::BankAccount,
    ids::{OperationId, WalletId},
    payout_failure::PayoutFailure,
};

/// One row of `payouts` that begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payout {
    /// Its transaction.
    pub transaction: OperationId,
    pub wallet: WalletId,
    /// The number of its first entry there.
    pub version: i64,
    /// Minor units.
    pub amount: i64,
    pub account: BankAccount,
}

/// A payout that an operation of the batch names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PayoutState {
    /// Its transaction.
    pub transaction: OperationId,
    pub wallet: WalletId,
    /// Minor units.
    pub amount: i64,
    /// The kind of the step that has closed it; none: its money is held.
    pub closed: Option<Kind>,
    /// The bank had paid, and the money has come back.
    pub is_reversed: bool,
}

/// What a batch changes in a row of `payouts`; none: that stays as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PayoutChange {
    /// The transaction whose row it is.
    pub transaction: OperationId,
    /// The step that closes it.
    pub closed_by: Option<OperationId>,
    /// The transaction that reverses it.
    pub reversed_by: Option<OperationId>,
    pub failure: Option<PayoutFailure>,
}
