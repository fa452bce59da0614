//! `/transfers`: money goes from any wallet to any other.

use std::sync::Arc;

use poem_openapi::{Object, OpenApi};
use serde_json::json;
use uuid::Uuid;

use crate::{
    api::{
        api_error::ApiError,
        auth::ServiceClient,
        body::{Fields, FromFields},
        command::{Command, DryRun},
        document::{
            OperationDoc, Tag,
            samples::{RECIPIENT, WALLET},
        },
        envelope::PostedAnswer,
        scalars::Note,
        v1::wallet::transfers::{TransferData, order, transfer, transfer_doc},
    },
    kernel::{ids::WalletId, money::Amount},
    payments::Payments,
};

/// A transfer between any two wallets.
#[derive(Object)]
pub struct TransferRequest {
    /// The sender's wallet.
    from: Uuid,
    /// The recipient: a wallet's id or a customer's xid; where a UUID is both, the wallet's id wins.
    to: Uuid,
    /// What the recipient gets, in minor units (cents); the fee comes on top.
    amount: Amount,
    /// Unique among the sender's transfers: a second one with it moves nothing.
    reference_id: Uuid,
    /// Shown to the recipient.
    note: Option<Note>,
}

impl FromFields for TransferRequest {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let (from, to, amount) = (fields.required("from"), fields.required("to"), fields.required("amount"));
        let (reference_id, note) = (fields.required("reference_id"), fields.optional("note"));
        Some(Self { from: from?, to: to?, amount: amount?, reference_id: reference_id?, note })
    }
}

/// The operation.
pub struct ServiceTransfersApi {
    pub payments: Arc<dyn Payments>,
}

#[OpenApi(prefix_path = "/api/v1", tag = "Tag::Service")]
impl ServiceTransfersApi {
    /// Send money between any two wallets
    ///
    /// For services. The same rules and the same fee as a customer's own transfer.
    #[oai(path = "/transfers", method = "post", operation_id = "create_service_transfer")]
    async fn create_service_transfer(
        &self,
        client: ServiceClient,
        /// A repeated request with the same key gets the stored response.
        #[oai(name = "Idempotency-Key")]
        command: Command<TransferRequest>,
        /// Preview (200): every check, nothing stored; a key is ignored.
        dry_run: DryRun,
    ) -> Result<PostedAnswer<201, TransferData>, ApiError> {
        let from = WalletId(command.body.from);
        let (request, submission) = command.by(client.caller(from));
        let TransferRequest { to, amount, reference_id, note, .. } = request;
        let order = order(to, amount, reference_id, note);
        transfer(&*self.payments, from, order, submission, dry_run).await
    }
}

/// The documentation of the operations, in addition to their types.
pub fn operation_docs() -> Vec<OperationDoc> {
    vec![transfer_doc("create_service_transfer", json!({"from": WALLET, "to": RECIPIENT}))]
}
