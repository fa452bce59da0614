//! For administrators: acts on any wallet, each with a reason.

mod wallets;

use std::sync::Arc;

use self::wallets::AdminWalletsApi;
use crate::{accounts::Accounts, api::document::OperationDoc, payments::Payments};

/// The operations.
pub type Apis = AdminWalletsApi;

/// The operations over these services.
pub fn apis(accounts: &Arc<dyn Accounts>, payments: &Arc<dyn Payments>) -> Apis {
    AdminWalletsApi { accounts: Arc::clone(accounts), payments: Arc::clone(payments) }
}

/// The documentation of the operations, in addition to their types.
pub fn operation_docs() -> Vec<OperationDoc> {
    wallets::operation_docs()
}
