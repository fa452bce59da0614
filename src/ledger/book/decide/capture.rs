//! A capture: reserved money goes out, or to another wallet. What is not captured may be spent again.

use super::end_hold::{End, close_hold, open_hold};
use crate::{
    kernel::{
        buckets::Buckets,
        clock::Timestamp,
        ids::WalletId,
        money::{Amount, largest_covered},
    },
    ledger::{
        book::{
            batch::{Batch, append},
            rules::may_receive,
        },
        hold::Hold,
        kind::Kind,
        operation::{Capture, Operation},
        outcome::{Decision, Done},
        refusal::Refusal,
    },
};

/// A disabled wallet's holds can be captured, a frozen one's cannot.
pub(super) fn decide(
    batch: &mut Batch,
    operation: &Operation,
    capture: &Capture,
    now: Timestamp,
) -> Decision {
    let hold = open_hold(batch, operation, capture.hold, now)?;
    if batch.wallet(hold.wallet)?.frozen_at.is_some() {
        return Err(Refusal::WalletFrozen);
    }
    if capture.to == Some(hold.wallet) {
        return Err(Refusal::SelfTransfer);
    }
    let fee_bps = if capture.to.is_some() { capture.fee_bps } else { 0 };
    let (amount, fee) = captured(hold, capture.amount, fee_bps)?;
    let (kind, other) = match capture.to {
        None => (Kind::HoldCapture, None),
        Some(to) => (Kind::HoldCaptureOut, Some(pay(batch, hold, to, amount, now)?)),
    };
    let end = End { kind, amount: amount.minor_units(), fee, other };
    close_hold(batch, operation, hold, end, now).map(Done::Money)
}

/// The amount and its fee, which the hold must cover together.
fn captured(hold: Hold, asked: Option<Amount>, fee_bps: u32) -> Result<(Amount, i64), Refusal> {
    let exceeded = |required| Refusal::HoldExceeded { held: hold.amount, required };
    let amount = match asked {
        Some(amount) => amount,
        None => {
            largest_covered(hold.amount, fee_bps).ok_or_else(|| exceeded(hold.amount.saturating_add(1)))?
        }
    };
    let fee = amount.fee(fee_bps);
    let required = amount.minor_units().saturating_add(fee);
    if required > hold.amount { Err(exceeded(required)) } else { Ok((amount, fee)) }
}

/// Pays the amount into the other wallet; answers with it and the number of its entry there. From here on the capture succeeds.
fn pay(
    batch: &mut Batch,
    hold: Hold,
    to: WalletId,
    amount: Amount,
    now: Timestamp,
) -> Result<(WalletId, i64), Refusal> {
    let currency = batch.wallet(hold.wallet)?.currency;
    let payee = batch.wallet(to).map_err(|_| Refusal::RecipientUnavailable)?;
    if !may_receive(payee, amount) {
        return Err(Refusal::RecipientUnavailable);
    }
    if payee.currency != currency {
        return Err(Refusal::CurrencyMismatch);
    }
    let incoming = Buckets::available(amount.minor_units());
    let credit = append(payee, hold.transaction, Kind::HoldCaptureIn, incoming, now);
    let entry = (credit.wallet, credit.version);
    batch.entries.push(credit);
    Ok(entry)
}
