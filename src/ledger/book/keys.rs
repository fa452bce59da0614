//! The keys of a batch: those that were answered before it, and those that it answers.

use std::collections::{
    HashMap,
    hash_map::{Entry, VacantEntry},
};

use chrono::TimeDelta;

use super::changes::AnsweredKey;
use crate::{
    kernel::{clock::Timestamp, ids::OperationId},
    ledger::{
        operation::{Key, KeyName, Operation},
        outcome::{Decision, IdempotencyRecord, Outcome},
        refusal::Refusal,
    },
};

/// How long the key of a refusal is stored. The key of a success is stored for ever.
const REFUSAL_TTL: TimeDelta = TimeDelta::hours(24);

#[derive(Debug)]
pub(super) struct Keys {
    before: HashMap<KeyName, IdempotencyRecord>,
    /// Where each key of the batch has its answer. The name is copied only once, to here.
    places: HashMap<KeyName, usize>,
    answers: Vec<Answer>,
}

/// The first answer to a key, given in this batch.
#[derive(Debug)]
struct Answer {
    first: IdempotencyRecord,
    operation: OperationId,
    expires_at: Option<Timestamp>,
}

/// What is known of a key.
pub(super) enum Lookup<'a> {
    /// It has a stored decision, which is replayed.
    Known(Outcome),
    /// It is new, and will have the decision of this operation.
    New(NewKey<'a>),
}

pub(super) struct NewKey<'a> {
    place: VacantEntry<'a, KeyName, usize>,
    answers: &'a mut Vec<Answer>,
    request_hash: [u8; 32],
}

impl Keys {
    /// `room`: how many answers to expect.
    pub(super) fn new(before: impl IntoIterator<Item = (KeyName, IdempotencyRecord)>, room: usize) -> Self {
        Self {
            before: before.into_iter().collect(),
            places: HashMap::with_capacity(room),
            answers: Vec::with_capacity(room),
        }
    }

    pub(super) fn find(&mut self, key: &Key) -> Lookup<'_> {
        if let Some(first) = self.before.get(&key.name) {
            return Lookup::Known(replay(first, key));
        }
        match self.places.entry(key.name.clone()) {
            Entry::Occupied(place) => Lookup::Known(replay(&self.answers[*place.get()].first, key)),
            Entry::Vacant(place) => {
                Lookup::New(NewKey { place, answers: &mut self.answers, request_hash: key.request_hash })
            }
        }
    }

    /// The keys that were answered in this batch, in the order of their answers.
    pub(super) fn into_answered(self) -> Vec<AnsweredKey> {
        let mut names: Vec<(usize, KeyName)> =
            self.places.into_iter().map(|(name, place)| (place, name)).collect();
        names.sort_unstable_by_key(|(place, _)| *place);
        let answered = |((_, name), answer): ((usize, KeyName), Answer)| {
            let IdempotencyRecord { request_hash, decision } = answer.first;
            AnsweredKey {
                key: Key { name, request_hash },
                operation: answer.operation,
                decision,
                expires_at: answer.expires_at,
            }
        };
        names.into_iter().zip(self.answers).map(answered).collect()
    }
}

impl NewKey<'_> {
    /// Stores the decision for operations with the same key.
    pub(super) fn answer(self, operation: &Operation, decision: &Decision, now: Timestamp) {
        self.place.insert(self.answers.len());
        self.answers.push(Answer {
            first: IdempotencyRecord { request_hash: self.request_hash, decision: decision.clone() },
            operation: operation.id,
            expires_at: decision.is_err().then(|| now + REFUSAL_TTL),
        });
    }
}

/// The stored decision, unless the key comes with another request.
fn replay(first: &IdempotencyRecord, key: &Key) -> Outcome {
    let is_same = first.request_hash == key.request_hash;
    let decision = if is_same { first.decision.clone() } else { Err(Refusal::KeyReused) };
    Outcome { decision, replayed: is_same }
}
