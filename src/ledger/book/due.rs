//! What is due in a wallet is booked, each item as a step of its transaction. It does not depend on who asks: the worker that
//! looks for due money, or an operation that needs it.

use super::batch::{Batch, append};
use crate::{
    kernel::{actor::Actor, buckets::Buckets, clock::Timestamp, ids::WalletId},
    ledger::{
        due_item::{Closing, DueItem, DueKind},
        entry::Step,
        kind::Kind,
        refusal::Refusal,
    },
};

/// The actor of steps that no operation asks for.
const WORKER: &str = "due";

/// Books what is due at `now` and was read with the batch. Answers with the number of steps.
pub(super) fn settle_due(batch: &mut Batch, wallet: WalletId, now: Timestamp) -> Result<usize, Refusal> {
    settle_some(batch, wallet, usize::MAX, now)
}

/// [`settle_due`] of at most this number of items, the oldest ones.
pub(super) fn settle_some(
    batch: &mut Batch,
    wallet: WalletId,
    at_most: usize,
    now: Timestamp,
) -> Result<usize, Refusal> {
    let Some(mut due) = batch.due.remove(&wallet) else { return Ok(0) };
    let later = due.items.partition_point(|item| item.due_at <= now);
    let rest = due.items.split_off(later.min(at_most));
    let mut settled = 0;
    for item in &due.items {
        settled += usize::from(settle(batch, wallet, item, now)?);
    }
    let next = rest.first().map(|item| item.due_at).into_iter().chain(due.next_due_at).min();
    batch.wallet(wallet)?.next_due_at = next;
    due.items = rest;
    batch.due.insert(wallet, due);
    Ok(settled)
}

/// Something more of the wallet will be due then.
pub(super) fn falls_due(batch: &mut Batch, wallet: WalletId, at: Timestamp) -> Result<(), Refusal> {
    let earlier = |known: Option<Timestamp>| Some(known.map_or(at, |known| known.min(at)));
    let state = batch.wallet(wallet)?;
    state.next_due_at = earlier(state.next_due_at);
    if let Some(due) = batch.due.get_mut(&wallet) {
        due.next_due_at = earlier(due.next_due_at);
    }
    Ok(())
}

/// Whether something is due at `now` that was not read with the batch.
pub(super) fn is_more_due(batch: &Batch, wallet: WalletId, now: Timestamp) -> bool {
    let due = batch.due.get(&wallet);
    due.is_some_and(|due| due.items.is_empty() && due.next_due_at.is_some_and(|next| next <= now))
}

/// Books an item. False: an operation of the batch has closed it before.
pub(super) fn settle(
    batch: &mut Batch,
    wallet: WalletId,
    item: &DueItem,
    now: Timestamp,
) -> Result<bool, Refusal> {
    let DueItem { transaction, amount, last_step, .. } = *item;
    let (kind, delta) = match item.kind {
        DueKind::Release => {
            (Kind::Release, Buckets { available: amount, unreleased: -amount, ..Buckets::default() })
        }
        DueKind::HoldExpiry => {
            (Kind::HoldExpiry, Buckets { available: amount, held: -amount, ..Buckets::default() })
        }
    };
    if let Some(named) = batch.holds.get_mut(&transaction) {
        if named.closed.is_some() {
            return Ok(false);
        }
        named.closed = Some(kind);
    }
    let entry = append(batch.wallet(wallet)?, transaction, kind, delta, now);
    let id = Step::derived_id(transaction, kind);
    batch.steps.push(Step {
        id,
        transaction,
        number: last_step + 1,
        kind,
        wallet,
        version: entry.version,
        other: None,
        amount,
        fee: 0,
        reference: None,
        actor: Actor::Worker(WORKER.to_owned()).to_string(),
        reason: None,
        created_at: entry.occurred_at,
    });
    let closing = Closing { transaction, by: id };
    match item.kind {
        DueKind::Release => batch.closed_releases.push(closing),
        DueKind::HoldExpiry => batch.closed_holds.push(closing),
    }
    batch.entries.push(entry);
    Ok(true)
}
