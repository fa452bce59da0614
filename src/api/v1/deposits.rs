//! `/wallet/deposits`: money comes in.

use std::sync::Arc;

use poem_openapi::{Object, OpenApi};
use serde::Serialize;
use uuid::Uuid;

use super::money::{self, MOVING, MoneyRequest, MoneyStatus};
use crate::{
    api::{
        auth::Customer,
        balance::Balance,
        body::Body,
        catalogue::Code,
        document::{
            BODY, KEYED, Notes, POSTING, SIGNED_IN, Tag, sample,
            samples::{self, CUSTOMER, REFERENCE, TRANSACTION},
        },
        envelope::PostedAnswer,
        failure::ApiError,
        idempotency::IdempotencyKey,
        query::{Flag, Param},
        scalars::Moment,
    },
    kernel::ids::ReferenceId,
    payments::{Order, Payment, Payments},
};

/// Money that has come in. Money is in minor units; balances are those right after.
#[derive(Object, Serialize)]
struct Deposit {
    /// Null in a dry run.
    #[oai(nullable)]
    id: Option<Uuid>,
    /// The customer's xid.
    deposited_by: Uuid,
    status: MoneyStatus,
    deposited_at: Moment,
    amount: i64,
    reference_id: Uuid,
    #[oai(flatten)]
    #[serde(flatten)]
    balance: Balance,
}

/// The deposit.
#[derive(Object, Serialize)]
pub struct DepositData {
    deposit: Deposit,
}

/// The operation.
pub struct DepositsApi {
    pub payments: Arc<dyn Payments>,
}

#[OpenApi(prefix_path = "/api/v1", tag = "Tag::Wallet")]
impl DepositsApi {
    /// Deposit money
    ///
    /// A `reference_id` books once: sent again it is `duplicate_reference`, names the first transaction, and moves
    /// nothing.
    #[oai(path = "/wallet/deposits", method = "post", operation_id = "create_deposit")]
    async fn create_deposit(
        &self,
        customer: Customer,
        /// Sent again with the same key, the request gets its first answer again.
        #[oai(name = "Idempotency-Key")]
        key: IdempotencyKey,
        /// Only say what would happen (200): every check, nothing stored; a key is ignored.
        dry_run: Param<Flag>,
        body: Body<MoneyRequest>,
    ) -> Result<PostedAnswer<201, DepositData>, ApiError> {
        let Body(MoneyRequest { amount, reference_id }, fields) = body;
        let asker = customer.asker();
        let mode = money::mode(dry_run, key, &asker, fields)?;
        let (reference, refusals) = (ReferenceId(reference_id), mode.refusals());
        let payment = Payment::Deposit { amount, reference };
        let outcome = self.payments.execute(Order { wallet: customer.wallet, payment }, mode).await?;
        asker.settle(refusals, outcome)?.money(|money| DepositData {
            deposit: Deposit {
                id: money.id,
                deposited_by: customer.xid.0,
                status: MoneyStatus::Success,
                deposited_at: money.at,
                amount: amount.minor_units(),
                reference_id,
                balance: money.balance,
            },
        })
    }
}

/// What the document says beside the types.
pub fn notes() -> Vec<Notes> {
    let deposit = Deposit {
        id: Some(samples::id(TRANSACTION)),
        deposited_by: samples::id(CUSTOMER),
        status: MoneyStatus::Success,
        deposited_at: samples::moment(),
        amount: 10_000,
        reference_id: samples::id(REFERENCE),
        balance: Balance::sample(10_000, 1),
    };
    vec![Notes {
        id: "create_deposit",
        codes: &[SIGNED_IN, BODY, MOVING, &[Code::BalanceLimit], KEYED, POSTING],
        request: money::request(),
        answer: sample(&DepositData { deposit }),
    }]
}
