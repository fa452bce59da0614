//! How an operation is answered.

use serde::{Deserialize, Serialize};

use crate::{
    kernel::{clock::Timestamp, ids::OperationId},
    ledger::{refusal::Refusal, wallet_state::WalletState},
};

/// What the caller learns of an operation that was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The transaction, or the status change.
    pub id: OperationId,
    pub occurred_at: Timestamp,
    /// What the asking wallet paid beside the amount, in minor units.
    pub fee: i64,
    /// The asking wallet, right after.
    pub wallet: WalletState,
}

/// Done, or refused: both are answers.
pub type Decision = Result<Receipt, Refusal>;

/// A decision, and whether it is the first answer to a key told again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    pub decision: Decision,
    pub replayed: bool,
}

/// An operation that was done, as its caller hears of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posted {
    pub receipt: Receipt,
    /// It is the first answer to a key, told again.
    pub replayed: bool,
}

/// What a key was answered with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remembered {
    pub request_hash: [u8; 32],
    pub decision: Decision,
}
