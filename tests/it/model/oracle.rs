//! The rules of the wallet once more, as plainly as they can be written, and with nothing of the service's own code.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::operation::{Kind, Operation};

/// In minor units.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Money {
    pub available: i64,
    pub held: i64,
    pub unreleased: i64,
}

impl Money {
    pub fn balance(&self) -> i64 {
        self.available + self.held + self.unreleased
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wallet {
    pub enabled: bool,
    pub money: Money,
    pub version: i64,
    pub status_version: i64,
}

/// Every wallet; a wallet that was never touched is disabled and empty.
pub type Wallets = BTreeMap<Uuid, Wallet>;

/// What a decision depends on.
#[derive(Clone, Copy, Debug)]
pub struct View {
    pub reference_is_used: bool,
    pub enabled: bool,
    pub available: i64,
    pub is_recipient_itself: bool,
    pub recipient_is_enabled: bool,
    /// The deposit or hold whose waiting money is to end.
    pub waits: Option<Waits>,
    /// Something is due in the wallet that is to be booked first.
    pub is_due: bool,
    /// When it is decided. Microseconds since 1970.
    pub at: i64,
}

/// Money that waits, or did.
#[derive(Clone, Copy, Debug)]
pub struct Waits {
    /// `Deposit`, `Hold` or `Payout`.
    pub kind: Kind,
    pub amount: i64,
    pub due_at: i64,
    pub ended: Option<Kind>,
    /// It is a payout, and has come back after it was paid.
    pub has_come_back: bool,
}

/// 1.5 %, half a cent and more rounded up.
fn fee_of(amount: i64) -> i64 {
    (amount * 15 + 500) / 1_000
}

/// What it costs beside the amount: only money for another wallet does.
pub fn fee(kind: Kind, amount: i64, to: Option<Uuid>) -> i64 {
    if kind == Kind::Transfer || (kind == Kind::Capture && to.is_some()) { fee_of(amount) } else { 0 }
}

/// What a capture takes: what it asks for, or the most that is covered with its fee.
pub fn captured(held: i64, amount: Option<i64>, to: Option<Uuid>) -> i64 {
    let covered = |amount: &i64| amount + fee(Kind::Capture, *amount, to) <= held;
    amount.or_else(|| (1..=held).rev().find(covered)).expect("one cent costs no fee")
}

/// Why this is refused; none: it is done.
pub fn refusal(operation: &Operation, view: &View) -> Option<&'static str> {
    match operation.kind {
        Kind::Enable => view.enabled.then_some("already_enabled"),
        Kind::Disable => (!view.enabled).then_some("already_disabled"),
        Kind::Release => not_yet(Kind::Deposit, view),
        Kind::Expiry => not_yet(Kind::Hold, view),
        Kind::PayoutSettled | Kind::PayoutReturned => not_open(view),
        Kind::PayoutReversal => not_paid(view),
        Kind::Capture | Kind::Void => refusal_to_end(operation, view),
        Kind::Deposit | Kind::Withdrawal | Kind::Transfer | Kind::Hold | Kind::Payout => {
            refusal_of_money(operation, view)
        }
    }
}

fn refusal_of_money(operation: &Operation, view: &View) -> Option<&'static str> {
    let Operation { kind, to, .. } = *operation;
    if view.reference_is_used {
        return Some("duplicate_reference");
    }
    if !view.enabled {
        return Some("wallet_disabled");
    }
    if operation.until.is_some_and(|until| until <= view.at) {
        return Some("validation_failed");
    }
    if kind == Kind::Transfer && view.is_recipient_itself {
        return Some("self_transfer");
    }
    if kind == Kind::Deposit {
        return None;
    }
    if view.is_due {
        return Some(DUE_FIRST);
    }
    let amount = operation.amount.expect("an amount");
    if view.available < amount + fee(kind, amount, to) {
        return Some("insufficient_funds");
    }
    if kind == Kind::Transfer && !view.recipient_is_enabled {
        return Some("recipient_unavailable");
    }
    None
}

/// A capture or a void; of a disabled wallet as well.
fn refusal_to_end(operation: &Operation, view: &View) -> Option<&'static str> {
    let Some(hold) = view.waits else { return Some("not_found") };
    if view.reference_is_used {
        return Some("duplicate_reference");
    }
    if view.is_due {
        return Some(DUE_FIRST);
    }
    match hold.ended {
        Some(Kind::Capture) => return Some("hold_captured"),
        Some(Kind::Void) => return Some("hold_voided"),
        Some(_) => return Some("hold_expired"),
        None if operation.kind == Kind::Void => return None,
        None => {}
    }
    if view.is_recipient_itself {
        return Some("self_transfer");
    }
    let amount = captured(hold.amount, operation.amount, operation.to);
    if amount + fee(Kind::Capture, amount, operation.to) > hold.amount {
        return Some("hold_exceeded");
    }
    (operation.to.is_some() && !view.recipient_is_enabled).then_some("recipient_unavailable")
}

/// No answer, but a decision that is never made: what is due is booked before it.
const DUE_FIRST: &str = "something is due, and comes first";

/// Why what waits is not booked now by itself. No client is told so.
fn not_yet(kind: Kind, view: &View) -> Option<&'static str> {
    match view.waits {
        None => Some("nothing waits"),
        Some(waits) if waits.kind != kind => Some("it waits for something else"),
        Some(waits) if waits.ended.is_some() => Some("it waits no more"),
        Some(waits) if waits.due_at > view.at => Some("its moment has not come"),
        Some(_) if view.is_due => Some(DUE_FIRST),
        Some(_) => None,
    }
}

/// Why a payout does not end now. No client is told so.
fn not_open(view: &View) -> Option<&'static str> {
    match view.waits {
        Some(Waits { kind: Kind::Payout, ended: None, .. }) => None,
        _ => Some("no open payout"),
    }
}

/// Why a payout does not come back now. No client is told so.
fn not_paid(view: &View) -> Option<&'static str> {
    match view.waits {
        Some(Waits { ended: Some(Kind::PayoutSettled), has_come_back: false, .. }) => None,
        _ => Some("no payout that was paid"),
    }
}

/// Does what is asked. `waits`: the money, in minor units, that waits no more, or comes back.
pub fn effect(wallets: &mut Wallets, operation: &Operation, waits: i64) {
    let Operation { kind, wallet, to, until, .. } = *operation;
    let amount = operation.amount.unwrap_or_default();
    let own = wallets.entry(wallet).or_default();
    let Money { available, held, unreleased } = &mut own.money;
    match kind {
        Kind::Enable => own.enabled = true,
        Kind::Disable => own.enabled = false,
        Kind::Deposit if until.is_some() => *unreleased += amount,
        Kind::Deposit => *available += amount,
        Kind::Withdrawal | Kind::Transfer => *available -= amount + fee(kind, amount, to),
        Kind::Hold | Kind::Payout => {
            *available -= amount;
            *held += amount;
        }
        Kind::Capture => {
            *held -= waits;
            *available += waits - amount - fee(kind, amount, to);
        }
        Kind::PayoutSettled => *held -= waits,
        Kind::PayoutReversal => *available += waits,
        Kind::Void | Kind::Expiry | Kind::PayoutReturned => {
            *held -= waits;
            *available += waits;
        }
        Kind::Release => {
            *unreleased -= waits;
            *available += waits;
        }
    }
    if kind.is_money() {
        own.version += 1;
    } else {
        own.status_version += 1;
    }
    if let Some(to) = to {
        let other = wallets.entry(to).or_default();
        other.money.available += amount;
        other.version += 1;
    }
}
