//! `/wallet/holds`: money of a customer's own wallet that is reserved.

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
    ledger::read::HoldView,
};

/// Reserved money.
#[derive(Object, Serialize)]
struct OpenHold {
    /// The hold.
    transaction_id: Uuid,
    /// In minor units.
    amount: i64,
    held_at: ApiTimestamp,
    expires_at: ApiTimestamp,
    #[oai(nullable)]
    note: Option<String>,
}

/// A page of the list, the next one to expire first.
#[derive(Object, Serialize)]
pub struct HoldsData {
    holds: Vec<OpenHold>,
    page: PageInfo,
}

/// The operations.
pub struct WalletHoldsApi {
    pub accounts: Arc<dyn Accounts>,
}

#[OpenApi(prefix_path = "/api/v1", tag = "Tag::Wallet")]
impl WalletHoldsApi {
    /// What is reserved, the next hold to expire first
    ///
    /// Open holds only: one that was captured or voided, or has expired, stays in the list of transactions. 404 while the wallet is
    /// disabled.
    #[oai(path = "/wallet/holds", method = "get", operation_id = "list_holds")]
    async fn list_holds(
        &self,
        customer: Customer,
        /// How many at most.
        limit: Param<Limit>,
        /// The `next` of the page before.
        after: Param<DueCursor>,
        /// The oldest version that may be shown; 412 if the wallet has not reached it.
        #[oai(name = "Min-Wallet-Version")]
        at_least: MinWalletVersion,
    ) -> Result<WalletAnswer<200, HoldsData>, ApiError> {
        let page = page_info::page(limit, after)?;
        let Versioned { value: page, version } =
            self.accounts.holds(customer.wallet, page, at_least.0).await?;
        let data = HoldsData {
            holds: page.items.iter().map(open_hold).collect(),
            page: PageInfo { next: page.next.map(DueCursor::encode) },
        };
        Ok(WalletAnswer { data, version })
    }
}

fn open_hold(found: &HoldView) -> OpenHold {
    OpenHold {
        transaction_id: found.id.0,
        amount: found.amount,
        held_at: ApiTimestamp(found.placed_at),
        expires_at: ApiTimestamp(found.expires_at),
        note: found.note.clone(),
    }
}

/// The documentation of the operations, in addition to their types.
pub fn operation_docs() -> Vec<OperationDoc> {
    let id = samples::id(TRANSACTION);
    let at = samples::timestamp();
    let next = DueCursor { due_at: at.0, id }.encode();
    let note = Some("Order 17".to_owned());
    let hold = OpenHold { transaction_id: id, amount: 10_000, held_at: at, expires_at: at, note };
    vec![OperationDoc {
        id: "list_holds",
        codes: &[SIGNED_IN, &[Code::ValidationFailed], READING],
        request: None,
        answer: sample(&HoldsData { holds: vec![hold], page: PageInfo { next: Some(next) } }),
    }]
}
