//! `/wallet/releases`: money of a customer's own wallet that can be spent from a later moment.

use std::sync::Arc;

use poem_openapi::{Object, OpenApi};
use serde::Serialize;
use uuid::Uuid;

use super::page_info::{self, PageInfo};
use crate::{
    accounts::{Accounts, Versioned},
    api::{
        api_error::ApiError,
        auth::Customer,
        catalogue::Code,
        document::{
            OperationDoc, READING, SIGNED_IN, Tag, sample,
            samples::{self, TRANSACTION},
        },
        envelope::WalletAnswer,
        min_version::MinWalletVersion,
        query::{Limit, Param},
        scalars::ApiTimestamp,
    },
    kernel::pagination::DueCursor,
    ledger::read::OpenRelease,
};

/// Deposited money that can be spent from a later moment.
#[derive(Object, Serialize)]
struct Release {
    /// The deposit.
    transaction_id: Uuid,
    /// In minor units.
    amount: i64,
    release_at: ApiTimestamp,
}

/// A page of the list, the next release first.
#[derive(Object, Serialize)]
pub struct ReleasesData {
    releases: Vec<Release>,
    page: PageInfo,
}

/// The operations.
pub struct ReleasesApi {
    pub accounts: Arc<dyn Accounts>,
}

#[OpenApi(prefix_path = "/api/v1", tag = "Tag::Wallet")]
impl ReleasesApi {
    /// What is to come, the next release first
    ///
    /// Deposits with a `release_at` that has not come. A deposit leaves the list when its money can be spent. 404 while the
    /// wallet is disabled; releases go on then.
    #[oai(path = "/wallet/releases", method = "get", operation_id = "list_releases")]
    async fn list_releases(
        &self,
        customer: Customer,
        /// How many at most.
        limit: Param<Limit>,
        /// The `next` of the page before.
        after: Param<DueCursor>,
        /// The oldest version that may be shown; 412 if the wallet has not reached it.
        #[oai(name = "Min-Wallet-Version")]
        at_least: MinWalletVersion,
    ) -> Result<WalletAnswer<200, ReleasesData>, ApiError> {
        let page = page_info::page(limit, after)?;
        let Versioned { value: page, version } =
            self.accounts.releases(customer.wallet, page, at_least.0).await?;
        let data = ReleasesData {
            releases: page.items.iter().map(release).collect(),
            page: PageInfo { next: page.next.map(DueCursor::encode) },
        };
        Ok(WalletAnswer { data, version })
    }
}

fn release(found: &OpenRelease) -> Release {
    Release {
        transaction_id: found.transaction.0,
        amount: found.amount,
        release_at: ApiTimestamp(found.due_at),
    }
}

/// The documentation of the operations, in addition to their types.
pub fn operation_docs() -> Vec<OperationDoc> {
    let id = samples::id(TRANSACTION);
    let release_at = samples::timestamp();
    let next = DueCursor { due_at: release_at.0, id }.encode();
    let release = Release { transaction_id: id, amount: 10_000, release_at };
    vec![OperationDoc {
        id: "list_releases",
        codes: &[SIGNED_IN, &[Code::ValidationFailed], READING],
        request: None,
        answer: sample(&ReleasesData { releases: vec![release], page: PageInfo { next: Some(next) } }),
    }]
}
