//! A payout, as this room names it.

use crate::kernel::{
    clock::Timestamp,
    ids::{OperationId, WalletId},
};

/// A payout, whose wallet and amount never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PayoutRef {
    pub id: OperationId,
    pub wallet: WalletId,
    /// Minor units.
    pub amount: i64,
}

/// A payout, and whether the bank may have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NamedPayout {
    pub payout: PayoutRef,
    /// It was submitted to the bank, or may have been.
    pub is_submitted: bool,
    /// It is settled or returned in the books.
    pub is_closed: bool,
}

/// A payout in the operator's list. Money is in minor units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedPayout {
    pub payout: PayoutRef,
    pub currency: String,
    pub bank_code: String,
    pub account_last4: String,
    pub requested_at: Timestamp,
    pub submissions: i32,
    pub failures: i32,
    pub needs_attention: bool,
    /// What the bank said last, or why there was no answer.
    pub last_answer: Option<String>,
}
