//! The bank, as payouts see it.

use async_trait::async_trait;
use shaku::Interface;
use thiserror::Error;

use crate::kernel::{
    bank_account::BankAccount, currency::Currency, ids::OperationId, payout_failure::PayoutFailure,
};

/// What the bank is to pay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PayoutInstruction {
    /// The payout's id, which is the bank's idempotency key: an instruction that comes again is the same payment.
    pub id: OperationId,
    /// Minor units.
    pub amount: i64,
    pub currency: Currency,
    pub account: BankAccount,
}

/// How a payment stands at the bank.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BankReport {
    /// Minor units: what the bank says that it pays.
    pub amount: i64,
    pub status: BankStatus,
}

/// The status of a payment at the bank.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BankStatus {
    /// Accepted, and not paid yet.
    Pending,
    /// Paid.
    Settled,
    /// Not paid, and it never will be.
    Rejected(PayoutFailure),
    /// Paid, and sent back by the other bank.
    Bounced(PayoutFailure),
}

/// Why there is no report. The texts are for the log and name no account.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BankError {
    /// No connection was made: the bank has surely not got the request.
    #[error("no connection to the bank: {0}")]
    NotSent(String),
    /// The bank may have got the request; only the bank knows what became of it.
    #[error("no answer of the bank: {0}")]
    Unknown(String),
    /// The bank answers, and takes no instruction from us now: a wrong token, a limit, a failure of its own.
    #[error("the bank refuses to answer: {0}")]
    Refused(String),
}

/// A bank.
#[async_trait]
pub trait Bank: Interface {
    /// Asks the bank to pay. The same instruction twice is one payment.
    async fn submit(&self, instruction: &PayoutInstruction) -> Result<BankReport, BankError>;

    /// How the payment of a payout stands; none: the bank does not know it, which does not say that it never will.
    async fn find(&self, id: OperationId) -> Result<Option<BankReport>, BankError>;
}

/// The headers by which the bank signs a callback; none: not sent, or no visible text.
#[derive(Clone, Copy, Debug, Default)]
pub struct CallbackHeaders<'a> {
    /// `webhook-id`: the same for each repeat of a callback.
    pub id: Option<&'a str>,
    /// `webhook-timestamp`: seconds since 1970.
    pub timestamp: Option<&'a str>,
    /// `webhook-signature`: one or more, with a space between them.
    pub signature: Option<&'a str>,
}

/// The callback is not the bank's, or it is too old, or somebody has changed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the signature of the callback is not valid")]
pub struct InvalidSignature;

/// Checks who sent a callback.
pub trait CallbackVerifier: Interface {
    /// Whether the bank has signed these bytes within the last five minutes.
    fn verify(&self, headers: CallbackHeaders<'_>, body: &[u8]) -> Result<(), InvalidSignature>;
}
