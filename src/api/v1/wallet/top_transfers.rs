//! `/wallet/top-transfers`: the largest that came in and the largest that went out.

use std::{ops::RangeInclusive, sync::Arc};

use poem_openapi::{Object, OpenApi, registry::MetaSchema};
use serde::Serialize;

use super::transaction_line::{Transaction, example, line};
use crate::{
    accounts::Accounts,
    api::{
        api_error::ApiError,
        auth::Customer,
        catalogue::Code,
        document::{OperationDoc, READING, SIGNED_IN, Tag, sample},
        envelope::WalletAnswer,
        min_version::MinWalletVersion,
        query::{Param, QueryValue, from_to, number},
    },
    ledger::{Kind, top_transfers::KEPT},
};

/// The largest transactions each way, by amount without fee; the largest first, of equals the newest.
#[derive(Object, Serialize)]
pub struct TopTransfersData {
    /// Deposits, and transfers to the wallet.
    incoming: Vec<Transaction>,
    /// Withdrawals, and transfers from the wallet; none that failed.
    outgoing: Vec<Transaction>,
}

/// How many of the largest a list may hold.
pub struct TopLimit(pub u16);

/// The maximum: the number that is stored.
const TOP_RANGE: RangeInclusive<u16> = 1..=100;
const _: () = assert!(*TOP_RANGE.end() as usize == KEPT);

impl Default for TopLimit {
    fn default() -> Self {
        Self(5)
    }
}

impl QueryValue for TopLimit {
    const MESSAGE: &'static str = "Must be an integer from 1 to 100.";

    fn from_text(text: &str) -> Option<Self> {
        number(text).filter(|limit| TOP_RANGE.contains(limit)).map(Self)
    }

    fn schema() -> MetaSchema {
        from_to(TOP_RANGE, Self::default().0)
    }
}

/// The operation.
pub struct TopTransfersApi {
    pub accounts: Arc<dyn Accounts>,
}

#[OpenApi(prefix_path = "/api/v1", tag = "Tag::Wallet")]
impl TopTransfersApi {
    /// The wallet's largest transfers
    ///
    /// Of the whole history, by amount without fee; of equal amounts the newest first. Deposits count as incoming and
    /// withdrawals as outgoing; what has failed does not count. The answer is exact at the version that it carries. 404
    /// while the wallet is disabled.
    #[oai(path = "/wallet/top-transfers", method = "get", operation_id = "top_transfers")]
    async fn top_transfers(
        &self,
        customer: Customer,
        /// How many at most each way.
        limit: Param<TopLimit>,
        /// The oldest version that may be shown; 412 if the wallet has not reached it.
        #[oai(name = "Min-Wallet-Version")]
        at_least: MinWalletVersion,
    ) -> Result<WalletAnswer<200, TopTransfersData>, ApiError> {
        let limit = limit.optional()?.unwrap_or_default();
        let found = self.accounts.top_transfers(customer.wallet, limit.0, at_least.0).await?;
        let data = TopTransfersData {
            incoming: found.incoming.into_iter().map(line).collect(),
            outgoing: found.outgoing.into_iter().map(line).collect(),
        };
        Ok(WalletAnswer { data, version: found.version })
    }
}

/// The documentation of the operations, in addition to their types.
pub fn operation_docs() -> Vec<OperationDoc> {
    let data = TopTransfersData {
        incoming: vec![example(Kind::Deposit, 10_000)],
        outgoing: vec![example(Kind::TransferOut, 1_000)],
    };
    vec![OperationDoc {
        id: "top_transfers",
        codes: &[SIGNED_IN, &[Code::ValidationFailed], READING],
        request: None,
        answer: sample(&data),
    }]
}
