//! What deposits and withdrawals have in common.

use poem_openapi::{Enum, Object};
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::REFERENCE;
use crate::{
    api::{
        ApiError, FieldErrors,
        body::{Fields, FromFields},
        catalogue::Code,
        idempotency::{Fingerprint, IdempotencyKey},
        query::{Flag, Param},
    },
    kernel::{ids::WalletId, money::Amount},
    wallet::Mode,
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

/// How a request about money is meant. `wallet` is the one that asks.
pub fn mode(
    dry_run: Param<Flag>,
    key: IdempotencyKey,
    actor: &str,
    wallet: WalletId,
    fields: Option<Fingerprint>,
) -> Result<Mode, ApiError> {
    let mut errors = FieldErrors::default();
    let dry_run = dry_run.take(&mut errors).is_some_and(|flag| flag.0);
    if !errors.is_empty() {
        return Err(errors.into());
    }
    Ok(if dry_run { Mode::DryRun } else { Mode::Book(key.bind(actor, wallet, fields)) })
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
