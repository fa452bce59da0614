//! How a wallet's status is to change.

use crate::ledger::Action;

/// A change of a wallet's status: the actions of the ledger that move no money.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StatusOrder {
    /// The wallet may be used.
    Enable,
    /// The wallet may not be used.
    Disable,
    /// Nothing may be done with the wallet's money until it is unfrozen.
    Freeze { reason: String },
    /// The wallet may be used again as its status says.
    Unfreeze { reason: String },
}

impl From<StatusOrder> for Action {
    fn from(order: StatusOrder) -> Self {
        match order {
            StatusOrder::Enable => Self::Enable,
            StatusOrder::Disable => Self::Disable,
            StatusOrder::Freeze { reason } => Self::Freeze { reason },
            StatusOrder::Unfreeze { reason } => Self::Unfreeze { reason },
        }
    }
}
