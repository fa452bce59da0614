//! Version 1 of the API, a file for each resource.

mod admin;
mod deposits;
mod errors;
mod init;
mod money;
mod top_transfers;
mod transactions;
mod transfers;
mod wallet;
mod wallets;
mod withdrawals;

pub use self::{
    admin::AdminApi, deposits::DepositsApi, errors::ErrorsApi, init::InitApi, top_transfers::TopTransfersApi,
    transactions::TransactionsApi, transfers::TransfersApi, wallet::WalletApi, wallets::WalletsApi,
    withdrawals::WithdrawalsApi,
};
use super::document::Notes;

/// What the document says beside the types.
pub fn notes() -> Vec<Notes> {
    [
        init::notes(),
        wallet::notes(),
        deposits::notes(),
        withdrawals::notes(),
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
