//! Version 1 of the API, a file for each resource.

mod admin;
mod cash;
mod errors;
mod init;
mod top_transfers;
mod transaction_line;
mod transactions;
mod transfers;
mod wallet;
mod wallets;

pub use self::{
    admin::AdminApi, cash::CashApi, errors::ErrorsApi, init::InitApi, top_transfers::TopTransfersApi,
    transactions::TransactionsApi, transfers::TransfersApi, wallet::WalletApi, wallets::WalletsApi,
};
use super::document::OperationDoc;

/// The documentation of the operations, in addition to their types.
pub fn operation_docs() -> Vec<OperationDoc> {
    [
        init::operation_docs(),
        wallet::operation_docs(),
        cash::operation_docs(),
        transfers::operation_docs(),
        transactions::operation_docs(),
        top_transfers::operation_docs(),
        wallets::operation_docs(),
        admin::operation_docs(),
        errors::operation_docs(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
