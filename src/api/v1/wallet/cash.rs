//! `/wallet/deposits` and `/wallet/withdrawals`: money comes in and goes out.

use std::sync::Arc;

use poem_openapi::{Enum, Object, OpenApi};
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use crate::{
    api::{
        api_error::ApiError,
        auth::Customer,
        balance::Balance,
        body::{Fields, FromFields},
        catalogue::Code,
        command::{Command, DryRun},
        document::{
            BODY, KEYED, MOVING, OperationDoc, POSTING, SIGNED_IN, Tag, sample,
            samples::{self, CUSTOMER, REFERENCE},
        },
        envelope::PostedAnswer,
        executed::MovedMoney,
        scalars::ApiTimestamp,
    },
    kernel::{ids::ReferenceId, money::Amount},
    ledger::Deposit,
    payments::{Payment, Payments},
};

/// How much, and the caller's own name for it.
#[derive(Object)]
pub struct MoneyRequest {
    /// In minor units (cents).
    amount: Amount,
    /// Unique for the wallet and the kind: a second one with it moves nothing.
    reference_id: Uuid,
}

impl FromFields for MoneyRequest {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let (amount, reference_id) = (fields.required("amount"), fields.required("reference_id"));
        Some(Self { amount: amount?, reference_id: reference_id? })
    }
}

/// A deposit.
#[derive(Object)]
pub struct DepositRequest {
    /// In minor units (cents).
    amount: Amount,
    /// Unique for the wallet and the kind: a second one with it moves nothing.
    reference_id: Uuid,
    /// From when on the money can be spent: in the future, at most ten years ahead. Left out: at once.
    release_at: Option<ApiTimestamp>,
}

impl FromFields for DepositRequest {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let (amount, reference_id) = (fields.required("amount"), fields.required("reference_id"));
        let release_at = fields.optional("release_at");
        Some(Self { amount: amount?, reference_id: reference_id?, release_at })
    }
}

/// The only status of money that has moved.
#[derive(Enum, Serialize)]
#[oai(rename_all = "lowercase")]
#[serde(rename_all = "lowercase")]
enum MoneyStatus {
    Success,
}

/// Money that was deposited. Money is in minor units; balances are those right after.
#[derive(Object, Serialize)]
#[oai(rename = "Deposit")]
struct Deposited {
    /// Null in a dry run.
    #[oai(nullable)]
    id: Option<Uuid>,
    /// The customer's xid.
    deposited_by: Uuid,
    status: MoneyStatus,
    deposited_at: ApiTimestamp,
    amount: i64,
    reference_id: Uuid,
    #[oai(flatten)]
    #[serde(flatten)]
    balance: Balance,
    /// From when on it can be spent. Null: at once.
    #[oai(nullable)]
    release_at: Option<ApiTimestamp>,
}

/// The deposit.
#[derive(Object, Serialize)]
pub struct DepositData {
    deposit: Deposited,
}

/// Money that was withdrawn. Money is in minor units; balances are those right after.
#[derive(Object, Serialize)]
struct Withdrawal {
    /// Null in a dry run.
    #[oai(nullable)]
    id: Option<Uuid>,
    /// The customer's xid.
    withdrawn_by: Uuid,
    status: MoneyStatus,
    withdrawn_at: ApiTimestamp,
    amount: i64,
    reference_id: Uuid,
    #[oai(flatten)]
    #[serde(flatten)]
    balance: Balance,
}

/// The withdrawal.
#[derive(Object, Serialize)]
pub struct WithdrawalData {
    withdrawal: Withdrawal,
}

/// The operations.
pub struct CashApi {
    pub payments: Arc<dyn Payments>,
}

#[OpenApi(prefix_path = "/api/v1", tag = "Tag::Wallet")]
impl CashApi {
    /// Deposit money
    ///
    /// A `reference_id` books once: sent again it is `duplicate_reference`, names the first transaction, and moves
    /// nothing. With `release_at` the money counts in `balance` at once, and in `available_balance` from that moment on.
    #[oai(path = "/wallet/deposits", method = "post", operation_id = "create_deposit")]
    async fn create_deposit(
        &self,
        customer: Customer,
        /// A repeated request with the same key gets the stored response.
        #[oai(name = "Idempotency-Key")]
        command: Command<DepositRequest>,
        /// Preview (200): every check, nothing stored; a key is ignored.
        dry_run: DryRun,
    ) -> Result<PostedAnswer<201, DepositData>, ApiError> {
        let (DepositRequest { amount, reference_id, release_at }, submission) = command.by(customer.caller());
        let release_at = release_at.map(|ApiTimestamp(at)| at);
        let payment = Payment::Deposit(Deposit { amount, reference: ReferenceId(reference_id), release_at });
        let executed = submission.pay(&*self.payments, payment, dry_run).await?;
        executed.money(|money| deposited(customer.xid.0, amount.minor_units(), reference_id, money))
    }

    /// Withdraw money
    ///
    /// A `reference_id` books once: sent again it is `duplicate_reference`, names the first transaction, and moves
    /// nothing. More than the available balance is `insufficient_funds`: the attempt is listed as `failed`, and does not
    /// use its reference up.
    #[oai(path = "/wallet/withdrawals", method = "post", operation_id = "create_withdrawal")]
    async fn create_withdrawal(
        &self,
        customer: Customer,
        /// A repeated request with the same key gets the stored response.
        #[oai(name = "Idempotency-Key")]
        command: Command<MoneyRequest>,
        /// Preview (200): every check, nothing stored; a key is ignored.
        dry_run: DryRun,
    ) -> Result<PostedAnswer<201, WithdrawalData>, ApiError> {
        let (MoneyRequest { amount, reference_id }, submission) = command.by(customer.caller());
        let payment = Payment::Withdrawal { amount, reference: ReferenceId(reference_id) };
        let executed = submission.pay(&*self.payments, payment, dry_run).await?;
        executed.money(|money| withdrawn(customer.xid.0, amount.minor_units(), reference_id, money))
    }
}

fn deposited(deposited_by: Uuid, amount: i64, reference_id: Uuid, money: MovedMoney) -> DepositData {
    let MovedMoney { id, at: deposited_at, due_at: release_at, balance, .. } = money;
    let status = MoneyStatus::Success;
    DepositData {
        deposit: Deposited {
            id,
            deposited_by,
            status,
            deposited_at,
            amount,
            release_at,
            reference_id,
            balance,
        },
    }
}

fn withdrawn(withdrawn_by: Uuid, amount: i64, reference_id: Uuid, money: MovedMoney) -> WithdrawalData {
    let MovedMoney { id, at: withdrawn_at, balance, .. } = money;
    let status = MoneyStatus::Success;
    WithdrawalData {
        withdrawal: Withdrawal { id, withdrawn_by, status, withdrawn_at, amount, reference_id, balance },
    }
}

/// The documentation of the operations, in addition to their types.
pub fn operation_docs() -> Vec<OperationDoc> {
    let money = |balance, version| MovedMoney::sample(10_000, 0, Balance::sample(balance, version));
    let (customer, reference) = (samples::id(CUSTOMER), samples::id(REFERENCE));
    let request = || Some(json!({"amount": 10_000, "reference_id": REFERENCE}));
    vec![
        OperationDoc {
            id: "create_deposit",
            codes: &[SIGNED_IN, BODY, MOVING, &[Code::BalanceLimit], KEYED, POSTING],
            request: request(),
            answer: sample(&deposited(customer, 10_000, reference, money(10_000, 1))),
        },
        OperationDoc {
            id: "create_withdrawal",
            codes: &[SIGNED_IN, BODY, MOVING, &[Code::InsufficientFunds], KEYED, POSTING],
            request: request(),
            answer: sample(&withdrawn(customer, 10_000, reference, money(0, 2))),
        },
    ]
}
