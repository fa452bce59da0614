//! `/wallet/transfers`: money goes to another wallet.

use std::sync::Arc;

use poem_openapi::{Object, OpenApi};
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    api::{
        api_error::ApiError,
        auth::Customer,
        balance::Balance,
        body::{Fields, FromFields},
        catalogue::Code,
        command::{Command, DryRun, Submission},
        document::{
            BODY, KEYED, MOVING, OperationDoc, POSTING, SIGNED_IN, Tag, sample,
            samples::{self, RECIPIENT, REFERENCE, TRANSACTION, WALLET},
        },
        envelope::PostedAnswer,
        executed::MovedMoney,
        scalars::{ApiTimestamp, Note},
    },
    kernel::{
        ids::{ReferenceId, WalletId},
        money::Amount,
    },
    payments::{self, Payment, Payments},
};

/// A transfer from the own wallet.
#[derive(Object)]
pub struct OwnTransferRequest {
    /// A wallet's id or a customer's xid; where a UUID is both, the wallet's id wins.
    recipient: Uuid,
    /// What the recipient gets, in minor units (cents); the fee comes on top.
    amount: Amount,
    /// Unique among the sender's transfers: a second one with it moves nothing.
    reference_id: Uuid,
    /// Shown to the recipient.
    note: Option<Note>,
}

impl FromFields for OwnTransferRequest {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let (recipient, amount) = (fields.required("recipient"), fields.required("amount"));
        let (reference_id, note) = (fields.required("reference_id"), fields.optional("note"));
        Some(Self { recipient: recipient?, amount: amount?, reference_id: reference_id?, note })
    }
}

/// Money that has gone to another wallet. Money is in minor units; balances are the sender's, right after.
#[derive(Object, Serialize)]
struct Transfer {
    /// Null in a dry run.
    #[oai(nullable)]
    id: Option<Uuid>,
    /// The sender's wallet.
    from: Uuid,
    /// The recipient, as the request named it.
    to: Uuid,
    /// What the recipient has got.
    amount: i64,
    /// What the sender has paid on top.
    fee: i64,
    #[oai(nullable)]
    note: Option<String>,
    transferred_at: ApiTimestamp,
    reference_id: Uuid,
    #[oai(flatten)]
    #[serde(flatten)]
    balance: Balance,
}

/// The transfer.
#[derive(Object, Serialize)]
pub struct TransferData {
    transfer: Transfer,
}

/// The operation.
pub struct TransfersApi {
    pub payments: Arc<dyn Payments>,
}

#[OpenApi(prefix_path = "/api/v1", tag = "Tag::Wallet")]
impl TransfersApi {
    /// Send money to another wallet
    ///
    /// The sender pays amount and fee, the recipient gets the amount. A `reference_id` books once. What the sender can't
    /// pay is `insufficient_funds` for every recipient. A recipient that is unknown, disabled, frozen or full (a
    /// balance above 2^52) and an amount of 2^52 or more are `recipient_unavailable`, whichever it is.
    #[oai(path = "/wallet/transfers", method = "post", operation_id = "create_transfer")]
    async fn create_transfer(
        &self,
        customer: Customer,
        /// A repeated request with the same key gets the stored response.
        #[oai(name = "Idempotency-Key")]
        command: Command<OwnTransferRequest>,
        /// Preview (200): every check, nothing stored; a key is ignored.
        dry_run: DryRun,
    ) -> Result<PostedAnswer<201, TransferData>, ApiError> {
        let (request, submission) = command.by(customer.caller());
        let OwnTransferRequest { recipient: to, amount, reference_id, note } = request;
        let order = order(to, amount, reference_id, note);
        transfer(&*self.payments, customer.wallet, order, submission, dry_run).await
    }
}

/// Executes a transfer of a caller.
pub async fn transfer(
    payments: &dyn Payments,
    from: WalletId,
    order: payments::Transfer,
    submission: Submission,
    dry_run: DryRun,
) -> Result<PostedAnswer<201, TransferData>, ApiError> {
    let payment = Payment::Transfer(order.clone());
    let executed = submission.pay(payments, payment, dry_run).await?;
    executed.money(|money| TransferData { transfer: to_response(from, order, money) })
}

/// The order of a request.
pub fn order(to: Uuid, amount: Amount, reference_id: Uuid, note: Option<Note>) -> payments::Transfer {
    let (reference, note) = (ReferenceId(reference_id), note.map(|note| note.0));
    payments::Transfer { to, amount, reference, note }
}

/// Reveals no receiver data beyond what the sender supplied.
fn to_response(from: WalletId, order: payments::Transfer, money: MovedMoney) -> Transfer {
    Transfer {
        id: money.id,
        from: from.0,
        to: order.to,
        amount: order.amount.minor_units(),
        fee: money.fee,
        note: order.note,
        transferred_at: money.at,
        reference_id: order.reference.0,
        balance: money.balance,
    }
}

/// Errors of a transfer in addition to those of every payment.
const SENDING: &[Code] =
    &[Code::SelfTransfer, Code::InsufficientFunds, Code::RecipientUnavailable, Code::CurrencyMismatch];

/// The documentation of a transfer whose request names the wallets like this.
pub fn transfer_doc(id: &'static str, wallets: Value) -> OperationDoc {
    let mut request = wallets;
    request["amount"] = json!(1_000);
    request["reference_id"] = json!(REFERENCE);
    request["note"] = json!("Lunch");
    let transfer = Transfer {
        id: Some(samples::id(TRANSACTION)),
        from: samples::id(WALLET),
        to: samples::id(RECIPIENT),
        amount: 1_000,
        fee: 15,
        note: Some("Lunch".to_owned()),
        transferred_at: samples::timestamp(),
        reference_id: samples::id(REFERENCE),
        balance: Balance::sample(8_985, 2),
    };
    OperationDoc {
        id,
        codes: &[SIGNED_IN, BODY, MOVING, SENDING, KEYED, POSTING],
        request: Some(request),
        answer: sample(&TransferData { transfer }),
    }
}

/// The documentation of the operations, in addition to their types.
pub fn operation_docs() -> Vec<OperationDoc> {
    vec![transfer_doc("create_transfer", json!({"recipient": RECIPIENT}))]
}
