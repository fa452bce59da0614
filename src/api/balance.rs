//! The balance in answers about a wallet.

use poem_openapi::Object;
use serde::Serialize;

use crate::{cache::WalletView, ledger};

/// A wallet's balance. Money is in minor units.
#[derive(Clone, Object, Serialize)]
pub struct Balance {
    /// The sum of all buckets.
    pub balance: i64,
    /// The part that can be spent now.
    pub available_balance: i64,
    /// Three letters (ISO 4217).
    pub currency: String,
    /// The number of the wallet's last entry; 0 before the first.
    pub version: i64,
}

impl Balance {
    /// An example of the document.
    pub fn sample(balance: i64, version: i64) -> Self {
        Self { balance, available_balance: balance, currency: "USD".to_owned(), version }
    }
}

impl From<&ledger::BalanceAfter> for Balance {
    fn from(after: &ledger::BalanceAfter) -> Self {
        Self {
            balance: after.buckets.total(),
            available_balance: after.buckets.available,
            currency: after.currency.to_string(),
            version: after.version,
        }
    }
}

impl From<&WalletView> for Balance {
    fn from(view: &WalletView) -> Self {
        Self {
            balance: view.money.balance(),
            available_balance: view.money.available,
            currency: view.currency.to_string(),
            version: view.money.version,
        }
    }
}
