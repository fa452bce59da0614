//! For services: any customer's wallet.

mod hold_answers;
mod holds;
mod transfers;
pub(super) mod wallets;

use std::sync::Arc;

use self::{holds::HoldsApi, transfers::ServiceTransfersApi, wallets::WalletsApi};
use crate::{accounts::Accounts, api::document::OperationDoc, payments::Payments};

/// The operations.
pub type Apis = (ServiceTransfersApi, HoldsApi, WalletsApi);

/// The operations over these services.
pub fn apis(accounts: &Arc<dyn Accounts>, payments: &Arc<dyn Payments>) -> Apis {
    (
        ServiceTransfersApi { payments: Arc::clone(payments) },
        HoldsApi { payments: Arc::clone(payments) },
        WalletsApi { accounts: Arc::clone(accounts) },
    )
}

/// The documentation of the operations, in addition to their types.
pub fn operation_docs() -> Vec<OperationDoc> {
    [transfers::operation_docs(), holds::operation_docs(), wallets::operation_docs()]
        .into_iter()
        .flatten()
        .collect()
}
