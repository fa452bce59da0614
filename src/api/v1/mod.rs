//! Version 1 of the API: a module for each audience, in it a file for each resource.

mod admin;
mod bank;
mod errors;
mod identity;
mod init;
mod service;
mod wallet;

use std::sync::Arc;

use self::{bank::BankApi, errors::ErrorsApi, init::InitApi};
use super::document::OperationDoc;
use crate::{
    accounts::Accounts,
    identity::{Identity, Sessions, Users},
    payments::Payments,
    payouts::{CallbackVerifier, Payouts},
};

/// The operations of every audience.
pub type Apis = (InitApi, identity::Apis, wallet::Apis, service::Apis, admin::Apis, BankApi, ErrorsApi);

/// The operations over these services.
pub fn apis(
    identity: Arc<dyn Identity>,
    users: &Arc<dyn Users>,
    sessions: Arc<dyn Sessions>,
    accounts: &Arc<dyn Accounts>,
    payments: &Arc<dyn Payments>,
    payouts: Arc<dyn Payouts>,
    verifier: Option<Arc<dyn CallbackVerifier>>,
) -> Apis {
    (
        InitApi { identity },
        identity::apis(users, sessions),
        wallet::apis(accounts, payments, &payouts),
        service::apis(accounts, payments),
        admin::apis(accounts, payments),
        BankApi { payouts, verifier },
        ErrorsApi,
    )
}

/// The documentation of the operations, in addition to their types.
pub fn operation_docs() -> Vec<OperationDoc> {
    [
        init::operation_docs(),
        identity::operation_docs(),
        wallet::operation_docs(),
        service::operation_docs(),
        admin::operation_docs(),
        bank::operation_docs(),
        errors::operation_docs(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
