//! `/holds`: money of any wallet is reserved, and taken or given up later.

use std::sync::Arc;

use poem_openapi::{Object, OpenApi};
use serde_json::json;
use uuid::Uuid;

use super::hold_answers::{
    CaptureData, FoundHoldData, HoldData, VoidData, capture_sample, captured, found, found_sample,
    hold_sample, placed, void_sample, voided,
};
use crate::{
    api::{
        api_error::ApiError,
        auth::ServiceClient,
        body::{Fields, FromFields, NoBody},
        catalogue::Code,
        command::{Command, DryRun},
        document::{
            BODY, KEYED, MOVING, OperationDoc, POSTING, SIGNED_IN, Tag,
            samples::{RECIPIENT, REFERENCE, WALLET},
        },
        envelope::{Answer, PostedAnswer},
        query::PathId,
        scalars::{ApiTimestamp, Note},
    },
    kernel::{
        ids::{OperationId, ReferenceId, WalletId},
        money::Amount,
    },
    ledger::PlaceHold,
    payments::{Capture, Payment, Payments},
};

/// Money to be reserved.
#[derive(Object)]
pub struct HoldRequest {
    wallet: Uuid,
    /// In minor units (cents).
    amount: Amount,
    /// Unique among the wallet's holds: a second one with it moves nothing.
    reference_id: Uuid,
    /// In the future, at most 90 days ahead. Left out: in seven days.
    expires_at: Option<ApiTimestamp>,
    note: Option<Note>,
}

impl FromFields for HoldRequest {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let (wallet, amount) = (fields.required("wallet"), fields.required("amount"));
        let reference_id = fields.required("reference_id");
        let (expires_at, note) = (fields.optional("expires_at"), fields.optional("note"));
        Some(Self { wallet: wallet?, amount: amount?, reference_id: reference_id?, expires_at, note })
    }
}

/// What of a hold is taken, and where it goes.
#[derive(Object)]
pub struct CaptureRequest {
    /// In minor units (cents). Left out: as much as is held, less the fee.
    amount: Option<Amount>,
    /// A wallet's id or a customer's xid, which pays the fee of a transfer. Left out: the money goes out, without a fee.
    to: Option<Uuid>,
    /// Unique among the wallet's captures.
    reference_id: Uuid,
}

impl FromFields for CaptureRequest {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let (amount, to) = (fields.optional("amount"), fields.optional("to"));
        let reference_id = fields.required("reference_id");
        Some(Self { amount, to, reference_id: reference_id? })
    }
}

/// The operations.
pub struct HoldsApi {
    pub payments: Arc<dyn Payments>,
}

#[OpenApi(prefix_path = "/api/v1", tag = "Tag::Service")]
impl HoldsApi {
    /// Reserve money
    ///
    /// It stays in the balance and can't be spent. It is captured once, voided, or expires.
    #[oai(path = "/holds", method = "post", operation_id = "create_hold")]
    async fn create_hold(
        &self,
        client: ServiceClient,
        /// A repeated request with the same key gets the stored response.
        #[oai(name = "Idempotency-Key")]
        command: Command<HoldRequest>,
        /// Preview (200): every check, nothing stored; a key is ignored.
        dry_run: DryRun,
    ) -> Result<PostedAnswer<201, HoldData>, ApiError> {
        let wallet = WalletId(command.body.wallet);
        let (request, submission) = command.by(client.caller(wallet));
        let HoldRequest { amount, reference_id, expires_at, note, .. } = request;
        let note = note.map(|Note(note)| note);
        let hold = PlaceHold {
            amount,
            reference: ReferenceId(reference_id),
            expires_at: expires_at.map(|ApiTimestamp(at)| at),
            note: note.clone(),
        };
        let executed = submission.pay(&*self.payments, Payment::Hold(hold), dry_run).await?;
        executed.money(|money| placed(wallet, reference_id, note, money))
    }

    /// One hold
    ///
    /// As it stands now: open, captured, voided or expired.
    #[oai(path = "/holds/:id", method = "get", operation_id = "get_hold")]
    async fn get_hold(
        &self,
        _client: ServiceClient,
        /// The hold.
        id: PathId,
    ) -> Result<Answer<200, FoundHoldData>, ApiError> {
        let hold = self.payments.hold(OperationId(id.0)).await?;
        Ok(Answer(found(&hold)))
    }

    /// Take reserved money
    ///
    /// Once, whole or in part: the rest can be spent again. A capture, with its fee, never takes more than is held.
    #[oai(path = "/holds/:id/capture", method = "post", operation_id = "capture_hold")]
    async fn capture_hold(
        &self,
        client: ServiceClient,
        /// The hold.
        id: PathId,
        /// A repeated request with the same key gets the stored response.
        #[oai(name = "Idempotency-Key")]
        command: Command<CaptureRequest>,
        /// Preview (200): every check, nothing stored; a key is ignored.
        dry_run: DryRun,
    ) -> Result<PostedAnswer<200, CaptureData>, ApiError> {
        let hold = OperationId(id.0);
        let wallet = self.payments.hold(hold).await?.wallet;
        let (CaptureRequest { amount, to, reference_id }, submission) = command.by(client.caller(wallet));
        let capture = Capture { hold, amount, to, reference: ReferenceId(reference_id) };
        let executed = submission.pay(&*self.payments, Payment::Capture(capture), dry_run).await?;
        executed.money(|money| captured(hold, wallet, to, reference_id, money))
    }

    /// Give reserved money up
    ///
    /// It can be spent again at once.
    #[oai(path = "/holds/:id/void", method = "post", operation_id = "void_hold")]
    async fn void_hold(
        &self,
        client: ServiceClient,
        /// The hold.
        id: PathId,
        /// A repeated request with the same key gets the stored response.
        #[oai(name = "Idempotency-Key")]
        command: Command<NoBody>,
        /// Preview (200): every check, nothing stored; a key is ignored.
        dry_run: DryRun,
    ) -> Result<PostedAnswer<200, VoidData>, ApiError> {
        let hold = OperationId(id.0);
        let wallet = self.payments.hold(hold).await?.wallet;
        let (NoBody, submission) = command.by(client.caller(wallet));
        let executed = submission.pay(&*self.payments, Payment::Void { hold }, dry_run).await?;
        executed.money(|money| voided(hold, wallet, money))
    }
}

/// The codes of what ends a hold.
const ENDING: &[Code] = &[Code::NotFound, Code::HoldCaptured, Code::HoldVoided, Code::HoldExpired];

/// The documentation of the operations, in addition to their types.
pub fn operation_docs() -> Vec<OperationDoc> {
    vec![
        OperationDoc {
            id: "create_hold",
            codes: &[SIGNED_IN, BODY, MOVING, &[Code::NotFound, Code::InsufficientFunds], KEYED, POSTING],
            request: Some(json!({"wallet": WALLET, "amount": 10_000, "reference_id": REFERENCE})),
            answer: hold_sample(),
        },
        OperationDoc {
            id: "get_hold",
            codes: &[SIGNED_IN, &[Code::NotFound, Code::Unavailable]],
            request: None,
            answer: found_sample(),
        },
        OperationDoc {
            id: "capture_hold",
            codes: &[
                SIGNED_IN,
                BODY,
                ENDING,
                &[
                    Code::DuplicateReference,
                    Code::WalletFrozen,
                    Code::SelfTransfer,
                    Code::HoldExceeded,
                    Code::RecipientUnavailable,
                    Code::CurrencyMismatch,
                ],
                KEYED,
                POSTING,
            ],
            request: Some(json!({"amount": 5_000, "to": RECIPIENT, "reference_id": REFERENCE})),
            answer: capture_sample(),
        },
        OperationDoc {
            id: "void_hold",
            codes: &[
                SIGNED_IN,
                ENDING,
                &[Code::ValidationFailed, Code::PayloadTooLarge, Code::MalformedBody],
                KEYED,
                POSTING,
            ],
            request: None,
            answer: void_sample(),
        },
    ]
}
