//! What can be asked of the ledger.

use super::kind::Kind;
use crate::kernel::{
    actor::Actor,
    bank_account::BankAccount,
    clock::Timestamp,
    ids::{OperationId, ReferenceId, WalletId},
    money::Amount,
    payout_failure::PayoutFailure,
};

/// One request to the ledger, decided by the state under the row locks.
#[derive(Clone, Debug)]
pub struct Operation {
    /// Made by the caller; the transaction or status change that is booked has the same id.
    pub id: OperationId,
    /// Who asks.
    pub actor: Actor,
    /// The wallet that it is about: the one that pays, where there are two.
    pub wallet: WalletId,
    /// What it asks.
    pub action: Action,
    /// The client's Idempotency-Key, if it sent one.
    pub key: Option<Key>,
    /// What becomes of it if it is refused.
    pub refusals: Refusals,
}

/// Whether a refusal is stored: as the answer to its key, and as a failed transaction where a withdrawal wants for funds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Refusals {
    #[default]
    Stored,
    /// It is answered, and leaves nothing. A key that was answered before still gets its first answer.
    NotStored,
}

/// A client's Idempotency-Key and the request that it came with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    pub name: KeyName,
    /// SHA-256 of method, path and fields as sent: the same key with another request is refused.
    pub request_hash: [u8; 32],
}

/// A key is the caller's own: two callers may use the same one.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyName {
    pub actor: String,
    pub key: String,
}

/// What is to be done with the wallet.
#[derive(Clone, Debug)]
pub enum Action {
    /// Money comes in from outside.
    Deposit(Deposit),
    /// Money goes out.
    Withdraw { amount: Amount, reference: ReferenceId },
    /// Money goes to another wallet.
    Transfer(Transfer),
    /// Money is reserved.
    Hold(PlaceHold),
    /// Reserved money goes out, or to another wallet.
    Capture(Capture),
    /// Reserved money may be spent again.
    Void { hold: OperationId },
    /// Money is reserved for a bank.
    RequestPayout(RequestPayout),
    /// What became of a payout, whatever the wallet's status.
    EndPayout(EndPayout),
    /// The back office corrects the balance, whatever the wallet's status.
    Adjust(Adjustment),
    /// What has become due in the wallet is booked, whatever the wallet's status; at most this number of items.
    SettleDue { at_most: usize },
    /// The wallet may be used from now on.
    Enable,
    /// The wallet may not be used from now on; its money stays.
    Disable,
    /// Nothing may be done with the wallet's money until it is unfrozen, whatever its status.
    Freeze { reason: String },
    /// The wallet may be used again as its status says.
    Unfreeze { reason: String },
}

/// A deposit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deposit {
    pub amount: Amount,
    pub reference: ReferenceId,
    /// From when on the money may be spent; none: at once.
    pub release_at: Option<Timestamp>,
}

/// A transfer. The sender pays amount and fee, the receiver gets the amount.
#[derive(Clone, Debug)]
pub struct Transfer {
    /// May not exist: the ledger refuses that, in its order of decisions, so that a repeat with a known key gets its
    /// first answer whatever has become of the recipient since.
    pub to: WalletId,
    pub amount: Amount,
    /// Minor units, at least 0.
    pub fee: i64,
    pub reference: ReferenceId,
    pub note: Option<String>,
}

/// Money to be reserved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlaceHold {
    pub amount: Amount,
    pub reference: ReferenceId,
    /// None: seven days after it is placed.
    pub expires_at: Option<Timestamp>,
    pub note: Option<String>,
}

/// The end of a hold in which its money is taken. What is not captured may be spent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capture {
    pub hold: OperationId,
    /// None: as much as the hold covers, with the fee.
    pub amount: Option<Amount>,
    /// The wallet that gets it; none: it goes out.
    pub to: Option<WalletId>,
    /// The fee where it goes to a wallet, in basis points of the amount.
    pub fee_bps: u32,
    pub reference: ReferenceId,
}

/// Money for a bank.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestPayout {
    pub amount: Amount,
    pub account: BankAccount,
    pub reference: ReferenceId,
}

/// What became of a payout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndPayout {
    pub payout: OperationId,
    pub end: PayoutEnding,
    /// Why, where an operator says it.
    pub reason: Option<String>,
}

/// How a payout ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayoutEnding {
    /// The bank has paid.
    Settled,
    /// The bank does not pay, and never will: the money may be spent again.
    Returned(PayoutFailure),
    /// The bank had paid, and the money came back: it is booked as a transaction of its own.
    Bounced(PayoutFailure),
}

/// A correction of a balance.
#[derive(Clone, Debug)]
pub struct Adjustment {
    pub amount: Amount,
    pub direction: Direction,
    pub reference: ReferenceId,
    pub reason: String,
}

/// Which way an adjustment moves the balance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    Credit,
    Debit,
}

/// A reference books once for each wallet and kind. Those of captures are kept with the steps, all others with the transactions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ReferenceKey {
    pub wallet: WalletId,
    pub kind: Kind,
    pub reference: ReferenceId,
}

impl Operation {
    /// The wallets that must be locked before the operation can be decided.
    pub fn wallets(&self) -> impl Iterator<Item = WalletId> {
        let other = match &self.action {
            Action::Transfer(transfer) => Some(transfer.to),
            Action::Capture(capture) => capture.to,
            _ => None,
        };
        std::iter::once(self.wallet).chain(other)
    }

    /// Whether what is due in the wallet is booked before the operation is decided: it needs all the money that may be spent.
    #[must_use]
    pub const fn settles_due(&self) -> bool {
        match &self.action {
            Action::Withdraw { .. }
            | Action::Transfer(_)
            | Action::Hold(_)
            | Action::Capture(_)
            | Action::Void { .. }
            | Action::RequestPayout(_)
            | Action::SettleDue { .. } => true,
            Action::Adjust(adjustment) => matches!(adjustment.direction, Direction::Debit),
            Action::Deposit(_)
            | Action::EndPayout(_)
            | Action::Enable
            | Action::Disable
            | Action::Freeze { .. }
            | Action::Unfreeze { .. } => false,
        }
    }

    /// The hold that the operation ends.
    #[must_use]
    pub const fn hold(&self) -> Option<OperationId> {
        match &self.action {
            Action::Capture(capture) => Some(capture.hold),
            Action::Void { hold } => Some(*hold),
            _ => None,
        }
    }

    /// The payout that the operation ends.
    #[must_use]
    pub const fn payout(&self) -> Option<OperationId> {
        match &self.action {
            Action::EndPayout(ended) => Some(ended.payout),
            _ => None,
        }
    }

    /// The reference that the operation would use up.
    #[must_use]
    pub fn reference(&self) -> Option<ReferenceKey> {
        let (kind, reference) = match &self.action {
            Action::Deposit(deposit) => (Kind::Deposit, deposit.reference),
            Action::Withdraw { reference, .. } => (Kind::Withdrawal, *reference),
            Action::Transfer(transfer) => (Kind::TransferOut, transfer.reference),
            Action::Hold(hold) => (Kind::Hold, hold.reference),
            Action::Capture(capture) => (Kind::HoldCapture, capture.reference),
            Action::RequestPayout(payout) => (Kind::Payout, payout.reference),
            Action::Adjust(adjustment) => (Kind::Adjustment, adjustment.reference),
            Action::Void { .. }
            | Action::EndPayout(_)
            | Action::SettleDue { .. }
            | Action::Enable
            | Action::Disable
            | Action::Freeze { .. }
            | Action::Unfreeze { .. } => return None,
        };
        Some(ReferenceKey { wallet: self.wallet, kind, reference })
    }
}
