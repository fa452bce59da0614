//! Money that waits, in answers about a wallet.

use poem_openapi::Object;
use serde::Serialize;

use super::scalars::ApiTimestamp;
use crate::cache::MoneyView;

/// What of a wallet's balance waits for a later moment.
#[derive(Object, Serialize)]
pub struct WaitingMoney {
    /// The part of the balance that was deposited and can be spent from a later moment, in minor units.
    pub unreleased: i64,
    /// When some of it can be spent next; null where nothing is unreleased.
    #[oai(nullable)]
    pub next_release_at: Option<ApiTimestamp>,
}

impl From<&MoneyView> for WaitingMoney {
    fn from(money: &MoneyView) -> Self {
        Self { unreleased: money.unreleased, next_release_at: money.next_release.at().map(ApiTimestamp) }
    }
}

impl WaitingMoney {
    /// An example of the document: nothing waits.
    pub const fn sample() -> Self {
        Self { unreleased: 0, next_release_at: None }
    }
}
