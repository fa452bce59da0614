//! Holds, as answers show them.

use poem_openapi::{Enum, Object};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use crate::{
    api::{
        balance::Balance,
        document::{
            sample,
            samples::{self, RECIPIENT, REFERENCE, TRANSACTION, WALLET},
        },
        executed::MovedMoney,
        scalars::ApiTimestamp,
    },
    kernel::ids::{OperationId, WalletId},
    ledger::{
        Kind,
        read::{HoldEnd, HoldView},
    },
};

/// What was done to a hold last.
#[derive(Enum, Serialize)]
#[oai(rename_all = "lowercase")]
#[serde(rename_all = "lowercase")]
pub enum HoldStep {
    /// The money is reserved.
    Held,
    /// Some or all of it was taken.
    Captured,
    /// It was given up.
    Voided,
    /// Its time is over.
    Expired,
}

/// A hold that was placed. Money is in minor units; balances are those right after.
#[derive(Object, Serialize)]
struct Hold {
    /// Null in a dry run.
    #[oai(nullable)]
    id: Option<Uuid>,
    wallet: Uuid,
    step: HoldStep,
    amount: i64,
    held_at: ApiTimestamp,
    #[oai(nullable)]
    expires_at: Option<ApiTimestamp>,
    reference_id: Uuid,
    #[oai(nullable)]
    note: Option<String>,
    #[oai(flatten)]
    #[serde(flatten)]
    balance: Balance,
}

/// The hold.
#[derive(Object, Serialize)]
pub struct HoldData {
    hold: Hold,
}

/// A hold as it stands now. Money is in minor units.
#[derive(Object, Serialize)]
#[oai(rename = "FoundHold")]
struct Found {
    id: Uuid,
    wallet: Uuid,
    step: HoldStep,
    amount: i64,
    /// Three letters (ISO 4217).
    currency: String,
    held_at: ApiTimestamp,
    expires_at: ApiTimestamp,
    #[oai(nullable)]
    reference_id: Option<Uuid>,
    #[oai(nullable)]
    note: Option<String>,
    /// When it was captured or voided, or has expired; null while it is open.
    #[oai(nullable)]
    ended_at: Option<ApiTimestamp>,
    /// What was taken; null where nothing was.
    #[oai(nullable)]
    captured_amount: Option<i64>,
    /// Null where nothing was taken.
    #[oai(nullable)]
    fee: Option<i64>,
    /// The wallet that got it; null where it went out, or nothing was taken.
    #[oai(nullable)]
    captured_to: Option<Uuid>,
}

/// The hold, as it stands now.
#[derive(Object, Serialize)]
pub struct FoundHoldData {
    hold: Found,
}

/// Reserved money that was taken. Money is in minor units; balances are those right after.
#[derive(Object, Serialize)]
struct Capture {
    /// The hold.
    hold: Uuid,
    wallet: Uuid,
    captured_at: ApiTimestamp,
    amount: i64,
    /// What the wallet paid in addition to the amount.
    fee: i64,
    /// The recipient, as it was given; null where the money went out.
    #[oai(nullable)]
    to: Option<Uuid>,
    reference_id: Uuid,
    #[oai(flatten)]
    #[serde(flatten)]
    balance: Balance,
}

/// The capture.
#[derive(Object, Serialize)]
pub struct CaptureData {
    capture: Capture,
}

/// Reserved money that was given up. Money is in minor units; balances are those right after.
#[derive(Object, Serialize)]
struct Void {
    /// The hold.
    hold: Uuid,
    wallet: Uuid,
    voided_at: ApiTimestamp,
    amount: i64,
    #[oai(flatten)]
    #[serde(flatten)]
    balance: Balance,
}

/// The void.
#[derive(Object, Serialize)]
pub struct VoidData {
    void: Void,
}

pub fn placed(wallet: WalletId, reference_id: Uuid, note: Option<String>, money: MovedMoney) -> HoldData {
    let MovedMoney { id, at: held_at, amount, due_at: expires_at, balance, .. } = money;
    let wallet = wallet.0;
    let step = HoldStep::Held;
    HoldData { hold: Hold { id, wallet, step, amount, held_at, expires_at, reference_id, note, balance } }
}

pub fn found(hold: &HoldView) -> FoundHoldData {
    let end = hold.end.as_ref();
    let capture = end.filter(|end| matches!(end.kind, Kind::HoldCapture | Kind::HoldCaptureOut));
    let hold = Found {
        id: hold.id.0,
        wallet: hold.wallet.0,
        step: match end.map(|end| end.kind) {
            None => HoldStep::Held,
            Some(Kind::HoldVoid) => HoldStep::Voided,
            Some(Kind::HoldExpiry) => HoldStep::Expired,
            Some(_) => HoldStep::Captured,
        },
        amount: hold.amount,
        currency: hold.currency.to_string(),
        held_at: ApiTimestamp(hold.placed_at),
        expires_at: ApiTimestamp(hold.expires_at),
        reference_id: hold.reference.map(|reference| reference.0),
        note: hold.note.clone(),
        ended_at: end.map(|end| ApiTimestamp(end.at)),
        captured_amount: capture.map(|HoldEnd { amount, .. }| *amount),
        fee: capture.map(|end| end.fee),
        captured_to: capture.and_then(|end| end.to).map(|wallet| wallet.0),
    };
    FoundHoldData { hold }
}

pub fn captured(
    hold: OperationId,
    wallet: WalletId,
    to: Option<Uuid>,
    reference_id: Uuid,
    money: MovedMoney,
) -> CaptureData {
    let MovedMoney { at: captured_at, amount, fee, balance, .. } = money;
    let (hold, wallet) = (hold.0, wallet.0);
    CaptureData { capture: Capture { hold, wallet, captured_at, amount, fee, to, reference_id, balance } }
}

pub fn voided(hold: OperationId, wallet: WalletId, money: MovedMoney) -> VoidData {
    let MovedMoney { at: voided_at, amount, balance, .. } = money;
    VoidData { void: Void { hold: hold.0, wallet: wallet.0, voided_at, amount, balance } }
}

fn money_sample(amount: i64, fee: i64, balance: i64, available_balance: i64, version: i64) -> MovedMoney {
    let balance = Balance { available_balance, ..Balance::sample(balance, version) };
    MovedMoney::sample(amount, fee, balance)
}

pub fn hold_sample() -> Option<Value> {
    let money = MovedMoney { due_at: Some(samples::timestamp()), ..money_sample(10_000, 0, 10_000, 0, 2) };
    sample(&placed(WalletId(samples::id(WALLET)), samples::id(REFERENCE), Some("Order 17".to_owned()), money))
}

pub fn found_sample() -> Option<Value> {
    let at = samples::timestamp();
    let hold = Found {
        id: samples::id(TRANSACTION),
        wallet: samples::id(WALLET),
        step: HoldStep::Captured,
        amount: 10_000,
        currency: "USD".to_owned(),
        held_at: at,
        expires_at: at,
        reference_id: Some(samples::id(REFERENCE)),
        note: Some("Order 17".to_owned()),
        ended_at: Some(at),
        captured_amount: Some(5_000),
        fee: Some(75),
        captured_to: Some(samples::id(RECIPIENT)),
    };
    sample(&FoundHoldData { hold })
}

pub fn capture_sample() -> Option<Value> {
    let (hold, wallet) = (OperationId(samples::id(TRANSACTION)), WalletId(samples::id(WALLET)));
    let money = money_sample(5_000, 75, 4_925, 4_925, 3);
    sample(&captured(hold, wallet, Some(samples::id(RECIPIENT)), samples::id(REFERENCE), money))
}

pub fn void_sample() -> Option<Value> {
    let (hold, wallet) = (OperationId(samples::id(TRANSACTION)), WalletId(samples::id(WALLET)));
    sample(&voided(hold, wallet, money_sample(10_000, 0, 10_000, 10_000, 3)))
}
