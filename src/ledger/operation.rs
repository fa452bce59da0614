//! What can be asked of the ledger.

use crate::kernel::{
    ids::{OperationId, ReferenceId, WalletId},
    money::Amount,
};

/// One request to the ledger, decided by the state under the row locks.
#[derive(Clone, Debug)]
pub struct Operation {
    /// Made by whoever asks; the transaction or status change that is booked has the same id.
    pub id: OperationId,
    /// The wallet that asks.
    pub wallet: WalletId,
    /// What it asks.
    pub action: Action,
}

/// What a wallet asks.
#[derive(Clone, Debug)]
pub enum Action {
    /// Money comes in from outside.
    Deposit { amount: Amount, reference: ReferenceId },
    /// Money goes out.
    Withdraw { amount: Amount, reference: ReferenceId },
    /// The wallet may be used from now on.
    Enable { actor: String },
    /// The wallet may not be used from now on; its money stays.
    Disable { actor: String },
}

/// The kind of a transaction and of its entries, as stored (`smallint`) and as hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    Deposit,
    Withdrawal,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 2] = [Kind::Deposit, Kind::Withdrawal];

    /// The stored number.
    #[must_use]
    pub const fn code(self) -> i16 {
        match self {
            Kind::Deposit => 1,
            Kind::Withdrawal => 2,
        }
    }

    /// The kind with this stored number.
    #[must_use]
    pub fn from_code(code: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }

    /// The word in answers, filters and messages.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Kind::Deposit => "deposit",
            Kind::Withdrawal => "withdrawal",
        }
    }
}

/// A reference books once for each wallet and kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ReferenceKey {
    pub wallet: WalletId,
    pub kind: Kind,
    pub reference: ReferenceId,
}

impl Operation {
    /// The wallets that must be locked before the operation can be decided.
    pub fn wallets(&self) -> impl Iterator<Item = WalletId> {
        std::iter::once(self.wallet)
    }

    /// The reference that the operation would use up.
    #[must_use]
    pub fn reference(&self) -> Option<ReferenceKey> {
        let (kind, reference) = match &self.action {
            Action::Deposit { reference, .. } => (Kind::Deposit, *reference),
            Action::Withdraw { reference, .. } => (Kind::Withdrawal, *reference),
            Action::Enable { .. } | Action::Disable { .. } => return None,
        };
        Some(ReferenceKey { wallet: self.wallet, kind, reference })
    }
}
