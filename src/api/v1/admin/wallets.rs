//! `/admin/wallets`: what an administrator may do with a wallet, each act with a reason.

use std::sync::Arc;

use poem_openapi::{Enum, Object, OpenApi};
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    accounts::{Accounts, StatusOrder},
    api::{
        api_error::ApiError,
        auth::Admin,
        balance::Balance,
        body::{Field, Fields, FromFields},
        catalogue::Code,
        command::{Command, DryRun, Submission},
        document::{
            BODY, KEYED, OperationDoc, POSTING, SIGNED_IN, Tag, sample,
            samples::{self, REFERENCE, TRANSACTION, WALLET},
        },
        envelope::PostedAnswer,
        query::PathId,
        scalars::{ApiTimestamp, Reason},
        v1::service::wallets::{self, AnyWalletData},
    },
    kernel::{
        ids::{ReferenceId, WalletId},
        money::Amount,
    },
    ledger::{self, Direction},
    payments::{Payment, Payments},
};

/// Why something is done to a wallet.
#[derive(Object)]
pub struct ReasonRequest {
    /// Stored with the act; the customer does not see it.
    reason: Reason,
}

impl FromFields for ReasonRequest {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        fields.required("reason").map(|reason| Self { reason })
    }
}

/// Which way a balance is corrected: `credit` adds to it, `debit` takes from it.
#[derive(Clone, Copy, Enum, Serialize)]
#[oai(rename = "Direction", rename_all = "lowercase")]
#[serde(rename_all = "lowercase")]
enum DirectionName {
    Credit,
    Debit,
}

impl Field for DirectionName {
    const MESSAGE: &'static str = "Must be credit or debit.";

    fn from_json(value: &Value) -> Option<Self> {
        value.as_str().and_then(Self::from_text)
    }

    fn from_text(text: &str) -> Option<Self> {
        match text {
            "credit" => Some(Self::Credit),
            "debit" => Some(Self::Debit),
            _ => None,
        }
    }
}

/// How a balance is to be corrected, and why.
#[derive(Object)]
pub struct AdjustmentRequest {
    /// In minor units (cents).
    amount: Amount,
    direction: DirectionName,
    /// Unique among the wallet's adjustments: a second one with it moves nothing.
    reference_id: Uuid,
    /// Stored with the act; the customer does not see it.
    reason: Reason,
}

impl FromFields for AdjustmentRequest {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let (amount, direction) = (fields.required("amount"), fields.required("direction"));
        let (reference_id, reason) = (fields.required("reference_id"), fields.required("reason"));
        Some(Self { amount: amount?, direction: direction?, reference_id: reference_id?, reason: reason? })
    }
}

/// A balance that was corrected. Money is in minor units; balances are those right after.
#[derive(Object, Serialize)]
struct Adjustment {
    /// Null in a dry run.
    #[oai(nullable)]
    id: Option<Uuid>,
    wallet: Uuid,
    direction: DirectionName,
    amount: i64,
    adjusted_at: ApiTimestamp,
    reference_id: Uuid,
    #[oai(flatten)]
    #[serde(flatten)]
    balance: Balance,
}

/// The adjustment.
#[derive(Object, Serialize)]
pub struct AdjustmentData {
    adjustment: Adjustment,
}

/// The operations.
pub struct AdminWalletsApi {
    pub accounts: Arc<dyn Accounts>,
    pub payments: Arc<dyn Payments>,
}

#[OpenApi(prefix_path = "/api/v1", tag = "Tag::Admin")]
impl AdminWalletsApi {
    /// Freeze a wallet
    ///
    /// Nothing can be done with its money until it is unfrozen, whatever its status; it can still be enabled and disabled.
    #[oai(path = "/admin/wallets/:id/freeze", method = "post", operation_id = "freeze_wallet")]
    async fn freeze_wallet(
        &self,
        admin: Admin,
        /// The wallet.
        id: PathId,
        /// A repeated request with the same key gets the stored response.
        #[oai(name = "Idempotency-Key")]
        command: Command<ReasonRequest>,
    ) -> Result<PostedAnswer<200, AnyWalletData>, ApiError> {
        let (ReasonRequest { reason }, submission) = command.by(admin.caller(WalletId(id.0)));
        self.change_status(submission, StatusOrder::Freeze { reason: reason.0 }).await
    }

    /// Unfreeze a wallet
    ///
    /// It can be used again as its status says: a disabled wallet stays disabled.
    #[oai(path = "/admin/wallets/:id/unfreeze", method = "post", operation_id = "unfreeze_wallet")]
    async fn unfreeze_wallet(
        &self,
        admin: Admin,
        /// The wallet.
        id: PathId,
        /// A repeated request with the same key gets the stored response.
        #[oai(name = "Idempotency-Key")]
        command: Command<ReasonRequest>,
    ) -> Result<PostedAnswer<200, AnyWalletData>, ApiError> {
        let (ReasonRequest { reason }, submission) = command.by(admin.caller(WalletId(id.0)));
        self.change_status(submission, StatusOrder::Unfreeze { reason: reason.0 }).await
    }

    /// Correct a balance
    ///
    /// Whatever the wallet's status. A debit never takes more than is available. The customer sees a transaction of type
    /// `adjustment`.
    #[oai(path = "/admin/wallets/:id/adjustments", method = "post", operation_id = "create_adjustment")]
    async fn create_adjustment(
        &self,
        admin: Admin,
        /// The wallet.
        id: PathId,
        /// A repeated request with the same key gets the stored response.
        #[oai(name = "Idempotency-Key")]
        command: Command<AdjustmentRequest>,
        /// Preview (200): every check, nothing stored; a key is ignored.
        dry_run: DryRun,
    ) -> Result<PostedAnswer<201, AdjustmentData>, ApiError> {
        let (request, submission) = command.by(admin.caller(WalletId(id.0)));
        let AdjustmentRequest { amount, direction, reference_id, reason } = request;
        let adjustment = ledger::Adjustment {
            amount,
            direction: match direction {
                DirectionName::Credit => Direction::Credit,
                DirectionName::Debit => Direction::Debit,
            },
            reference: ReferenceId(reference_id),
            reason: reason.0,
        };
        let payment = Payment::Adjustment(adjustment);
        let executed = submission.pay(&*self.payments, payment, dry_run).await?;
        executed.money(|money| AdjustmentData {
            adjustment: Adjustment {
                id: money.id,
                wallet: id.0,
                direction,
                amount: amount.minor_units(),
                adjusted_at: money.at,
                reference_id,
                balance: money.balance,
            },
        })
    }
}

impl AdminWalletsApi {
    async fn change_status(
        &self,
        submission: Submission,
        order: StatusOrder,
    ) -> Result<PostedAnswer<200, AnyWalletData>, ApiError> {
        let (of, executed) = submission.change_status(&*self.accounts, order).await?;
        executed.status(|receipt| wallets::after(of, receipt))
    }
}

/// The documentation of the operations, in addition to their types.
pub fn operation_docs() -> Vec<OperationDoc> {
    let request = || Some(json!({"reason": "Reported as stolen, case 4711"}));
    vec![
        OperationDoc {
            id: "freeze_wallet",
            codes: &[SIGNED_IN, BODY, &[Code::NotFound, Code::AlreadyFrozen], KEYED, POSTING],
            request: request(),
            answer: sample(&wallets::frozen_sample(true)),
        },
        OperationDoc {
            id: "unfreeze_wallet",
            codes: &[SIGNED_IN, BODY, &[Code::NotFound, Code::NotFrozen], KEYED, POSTING],
            request: request(),
            answer: sample(&wallets::frozen_sample(false)),
        },
        OperationDoc {
            id: "create_adjustment",
            codes: &[
                SIGNED_IN,
                BODY,
                &[Code::NotFound, Code::DuplicateReference, Code::InsufficientFunds, Code::BalanceLimit],
                KEYED,
                POSTING,
            ],
            request: Some(json!({
                "amount": 500, "direction": "credit", "reference_id": REFERENCE, "reason": "Goodwill, case 4711",
            })),
            answer: sample(&AdjustmentData {
                adjustment: Adjustment {
                    id: Some(samples::id(TRANSACTION)),
                    wallet: samples::id(WALLET),
                    direction: DirectionName::Credit,
                    amount: 500,
                    adjusted_at: samples::timestamp(),
                    reference_id: samples::id(REFERENCE),
                    balance: Balance::sample(10_500, 2),
                },
            }),
        },
    ]
}
