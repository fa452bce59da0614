//! What deposits and withdrawals have in common.

use poem_openapi::{Enum, Object};
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    api::{
        asker::Asker,
        body::{Fields, FromFields},
        catalogue::Code,
        document::samples::REFERENCE,
        failure::{ApiError, FieldErrors},
        idempotency::{Fingerprint, IdempotencyKey},
        query::{Flag, Param},
    },
    kernel::money::Amount,
    payments::Mode,
};

/// How much, and the caller's own name for it.
#[derive(Object)]
pub struct MoneyRequest {
    /// In minor units (cents).
    pub amount: Amount,
    /// Unique for the wallet and the kind: a second one with it moves nothing.
    pub reference_id: Uuid,
}

impl FromFields for MoneyRequest {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let (amount, reference_id) = (fields.required("amount"), fields.required("reference_id"));
        Some(Self { amount: amount?, reference_id: reference_id? })
    }
}

/// How a request about money is meant. To be booked, it must be within the limit of the wallet that asks.
pub fn mode(
    dry_run: Param<Flag>,
    key: IdempotencyKey,
    asker: &Asker,
    fields: Option<Fingerprint>,
) -> Result<Mode, ApiError> {
    let mut errors = FieldErrors::default();
    let dry_run = dry_run.take(&mut errors).is_some_and(|flag| flag.0);
    if !errors.is_empty() {
        return Err(errors.into());
    }
    if dry_run {
        return Ok(Mode::DryRun(asker.actor.clone()));
    }
    asker.admit_move()?;
    Ok(Mode::Book(asker.booking(key, fields)))
}

/// The one word of money that has moved.
#[derive(Enum, Serialize)]
#[oai(rename_all = "lowercase")]
#[serde(rename_all = "lowercase")]
pub enum MoneyStatus {
    Success,
}

/// Errors of both.
pub const MOVING: &[Code] = &[Code::DuplicateReference, Code::WalletDisabled, Code::WalletFrozen];

/// An example of what is sent.
pub fn request() -> Option<Value> {
    Some(json!({"amount": 10_000, "reference_id": REFERENCE}))
}
