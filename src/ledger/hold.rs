//! Money that is reserved until it is captured, voided, or expires.

use super::kind::Kind;
use crate::kernel::{
    clock::Timestamp,
    ids::{OperationId, WalletId},
};

/// One row of `holds`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hold {
    /// Its transaction.
    pub transaction: OperationId,
    pub wallet: WalletId,
    /// Minor units.
    pub amount: i64,
    pub expires_at: Timestamp,
}

/// A hold that an operation of the batch names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HoldState {
    pub hold: Hold,
    /// The kind of the step that has closed it; none: it is open.
    pub closed: Option<Kind>,
}
