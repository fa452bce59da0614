//! For customers: their own wallet.

mod cash;
mod holds;
mod page_info;
mod payout_answers;
mod payouts;
mod releases;
mod status;
mod top_transfers;
mod transaction_line;
mod transactions;
pub(super) mod transfers;

use std::sync::Arc;

use self::{
    cash::CashApi, holds::WalletHoldsApi, payouts::PayoutsApi, releases::ReleasesApi, status::StatusApi,
    top_transfers::TopTransfersApi, transactions::TransactionsApi, transfers::TransfersApi,
};
use crate::{accounts::Accounts, api::document::OperationDoc, payments::Payments, payouts::Payouts};

/// The operations.
pub type Apis = (
    StatusApi,
    CashApi,
    TransfersApi,
    TransactionsApi,
    ReleasesApi,
    WalletHoldsApi,
    PayoutsApi,
    TopTransfersApi,
);

/// The operations over these services.
pub fn apis(accounts: &Arc<dyn Accounts>, payments: &Arc<dyn Payments>, payouts: &Arc<dyn Payouts>) -> Apis {
    (
        StatusApi { accounts: Arc::clone(accounts) },
        CashApi { payments: Arc::clone(payments) },
        TransfersApi { payments: Arc::clone(payments) },
        TransactionsApi { accounts: Arc::clone(accounts) },
        ReleasesApi { accounts: Arc::clone(accounts) },
        WalletHoldsApi { accounts: Arc::clone(accounts) },
        PayoutsApi {
            accounts: Arc::clone(accounts),
            payments: Arc::clone(payments),
            payouts: Arc::clone(payouts),
        },
        TopTransfersApi { accounts: Arc::clone(accounts) },
    )
}

/// The documentation of the operations, in addition to their types.
pub fn operation_docs() -> Vec<OperationDoc> {
    [
        status::operation_docs(),
        cash::operation_docs(),
        transfers::operation_docs(),
        transactions::operation_docs(),
        releases::operation_docs(),
        holds::operation_docs(),
        payouts::operation_docs(),
        top_transfers::operation_docs(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
