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
use super::document::Notes;

/// What the document says beside the types.
pub fn notes() -> Vec<Notes> {
    [
        init::notes(),
        wallet::notes(),
        cash::notes(),
        transfers::notes(),
        transactions::notes(),
        top_transfers::notes(),
        wallets::notes(),
        admin::notes(),
        errors::notes(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
