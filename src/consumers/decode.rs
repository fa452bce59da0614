//! Decodes events into parts of a wallet's view.

use serde::Deserialize;

use crate::{
    cache::{MoneyView, NextRelease, StatusView, ViewPart},
    events::{
        bus::{Message, Poison},
        event::{STATUS_CHANGED, StatusChanged, TRANSACTION_CREATED, TransactionCreated},
    },
    kernel::{
        clock::Timestamp,
        ids::{CustomerXid, WalletId},
    },
};

/// A part of a view, from an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) wallet: WalletId,
    pub(super) part: ViewPart,
    pub(super) occurred_at: Timestamp,
    /// The generation of the books in which it was published.
    pub(super) generation: i64,
}

/// Decodes a message by its `ce_type`, which also names the version of the body. A message of an unknown type can never be
/// served.
pub(super) fn decode(message: &Message) -> Result<Change, Poison> {
    match message.header("ce_type") {
        Some(TRANSACTION_CREATED) => money(&body(message)?),
        Some(STATUS_CHANGED) => status(&body(message)?),
        Some(other) => Err(Poison(format!("unknown ce_type {other:?}"))),
        None => Err(Poison("no ce_type".to_owned())),
    }
}

fn body<'m, T: Deserialize<'m>>(message: &'m Message) -> Result<T, Poison> {
    let payload = message.payload.as_deref().ok_or_else(|| Poison("no body".to_owned()))?;
    serde_json::from_slice(payload).map_err(|error| Poison(format!("the body cannot be read: {error}")))
}

fn money(event: &TransactionCreated) -> Result<Change, Poison> {
    let currency = event.currency.parse().map_err(|error| Poison(format!("currency: {error}")))?;
    let money = MoneyView {
        available: event.available_balance,
        held: event.held,
        unreleased: event.unreleased,
        next_release: if event.unreleased == 0 { NextRelease::Never } else { NextRelease::Unknown },
        version: positive(event.version)?,
    };
    let part = ViewPart::Money { owner: CustomerXid(event.customer_xid), currency, money };
    Ok(Change {
        wallet: WalletId(event.wallet_id),
        part,
        occurred_at: moment(&event.occurred_at)?,
        generation: event.generation,
    })
}

fn status(event: &StatusChanged) -> Result<Change, Poison> {
    let occurred_at = moment(&event.occurred_at)?;
    let enabled = match event.status.as_str() {
        "enabled" => true,
        "disabled" => false,
        other => return Err(Poison(format!("unknown status {other:?}"))),
    };
    let status = StatusView {
        enabled,
        frozen: event.frozen,
        // The event has its own time only. That of a frozen wallet is the time of the freezing.
        enabled_at: (enabled && !event.frozen).then_some(occurred_at),
        disabled_at: (!enabled && !event.frozen).then_some(occurred_at),
        version: positive(event.status_version)?,
    };
    let part = ViewPart::Status { owner: CustomerXid(event.customer_xid), status };
    Ok(Change { wallet: WalletId(event.wallet_id), part, occurred_at, generation: event.generation })
}

fn positive(version: i64) -> Result<i64, Poison> {
    if version > 0 { Ok(version) } else { Err(Poison(format!("version {version} is not positive"))) }
}

fn moment(text: &str) -> Result<Timestamp, Poison> {
    match chrono::DateTime::parse_from_rfc3339(text) {
        Ok(moment) => Ok(moment.to_utc()),
        Err(error) => Err(Poison(format!("occurred_at {text:?}: {error}"))),
    }
}
