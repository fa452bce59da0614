//! Version 1 of the API, a file for each resource.

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
    deposits::DepositsApi, errors::ErrorsApi, init::InitApi, top_transfers::TopTransfersApi,
    transactions::TransactionsApi, transfers::TransfersApi, wallet::WalletApi, wallets::WalletsApi,
    withdrawals::WithdrawalsApi,
};
use super::document::Notes;

/// Ids and a moment for the examples of the document.
pub const TRANSACTION: &str = "019aa1c2-7a10-7c3e-9d54-0f6f0c1d2e3f";
const WALLET: &str = "019aa1c2-6b00-7f21-8a43-5d6e7f801234";
const CUSTOMER: &str = "1f0e6c1a-9a5b-4c7d-8e2f-3a4b5c6d7e8f";
const RECIPIENT: &str = "019aa1c2-6b00-7d44-9b52-6e7f80912345";
const REFERENCE: &str = "7c9e6679-7425-40de-944b-e07fc1f90ae7";
const MOMENT_MILLIS: i64 = 1_763_719_200_123;

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
        errors::notes(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Values for the examples of the document.
mod samples {
    use uuid::Uuid;

    use super::MOMENT_MILLIS;
    use crate::{api::scalars::Moment, kernel::clock::Timestamp};

    pub fn id(text: &str) -> Uuid {
        Uuid::try_parse(text).unwrap_or_default()
    }

    pub fn moment() -> Moment {
        Moment(Timestamp::from_timestamp_millis(MOMENT_MILLIS).unwrap_or_default())
    }
}
