//! What is due in a wallet is booked, each item as a step of its transaction. It does not depend on who asks: the worker that
//! looks for due money, or an operation that needs it.

use super::batch::{Batch, append};
use crate::{
    kernel::{actor::Actor, buckets::Buckets, clock::Timestamp, ids::WalletId},
    ledger::{
        entry::Step,
        kind::Kind,
        refusal::Refusal,
        release::{ClosedRelease, DueItem},
    },
};

/// The actor of steps that no operation asks for.
const WORKER: &str = "due";

/// Books what is due at `now` and was read with the batch. Answers with the number of steps.
pub(super) fn settle_due(batch: &mut Batch, wallet: WalletId, now: Timestamp) -> Result<usize, Refusal> {
    let Some(mut due) = batch.due.remove(&wallet) else { return Ok(0) };
    let later = due.items.partition_point(|item| item.due_at <= now);
    let rest = due.items.split_off(later);
    for item in &due.items {
        release(batch, wallet, item, now)?;
    }
    let next = rest.first().map(|item| item.due_at).into_iter().chain(due.next_due_at).min();
    batch.wallet(wallet)?.next_due_at = next;
    let settled = std::mem::replace(&mut due.items, rest).len();
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

fn release(batch: &mut Batch, wallet: WalletId, item: &DueItem, now: Timestamp) -> Result<(), Refusal> {
    let DueItem { transaction, amount, last_step, .. } = *item;
    let delta = Buckets { available: amount, held: 0, unreleased: -amount };
    let entry = append(batch.wallet(wallet)?, transaction, Kind::Release, delta, now);
    let id = Step::derived_id(transaction, Kind::Release);
    batch.steps.push(Step {
        id,
        transaction,
        number: last_step + 1,
        kind: Kind::Release,
        wallet,
        version: entry.version,
        amount,
        fee: 0,
        actor: Actor::Worker(WORKER.to_owned()).to_string(),
        created_at: entry.occurred_at,
    });
    batch.closed_releases.push(ClosedRelease { transaction, by: id });
    batch.entries.push(entry);
    Ok(())
}
