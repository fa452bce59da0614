//! The keys of a batch: those that were answered before it, and those that it answers.

use std::collections::{
    HashMap,
    hash_map::{Entry, VacantEntry},
};

use chrono::TimeDelta;

use super::{AnsweredKey, Decision, Outcome, Remembered};
use crate::{
    kernel::{clock::Timestamp, ids::OperationId},
    ledger::{
        operation::{Key, KeyName, Operation},
        refusal::Refusal,
    },
};

/// How long the key of a refusal is remembered. The key of a success is remembered for ever.
const REFUSAL_REMEMBERED: TimeDelta = TimeDelta::hours(24);

#[derive(Debug)]
pub(super) struct Keys {
    before: HashMap<KeyName, Remembered>,
    /// Where each key of the batch has its answer. The name is copied only once, to here.
    places: HashMap<KeyName, usize>,
    answers: Vec<Answer>,
}

/// The first answer to a key, given in this batch.
#[derive(Debug)]
struct Answer {
    first: Remembered,
    operation: OperationId,
    /// The books tell it again by themselves.
    is_in_the_books: bool,
    expires_at: Option<Timestamp>,
}

/// What is known of a key.
pub(super) enum Found<'a> {
    /// It was answered: this is what it is told now.
    Answered(Outcome),
    /// It is new, and waits for its answer.
    New(NewKey<'a>),
}

pub(super) struct NewKey<'a> {
    place: VacantEntry<'a, KeyName, usize>,
    answers: &'a mut Vec<Answer>,
    request_hash: [u8; 32],
}

impl Keys {
    /// `room`: how many answers to expect.
    pub(super) fn new(before: impl IntoIterator<Item = (KeyName, Remembered)>, room: usize) -> Self {
        Self {
            before: before.into_iter().collect(),
            places: HashMap::with_capacity(room),
            answers: Vec::with_capacity(room),
        }
    }

    pub(super) fn find(&mut self, key: &Key) -> Found<'_> {
        if let Some(first) = self.before.get(&key.name) {
            return Found::Answered(again(first, key));
        }
        match self.places.entry(key.name.clone()) {
            Entry::Occupied(place) => Found::Answered(again(&self.answers[*place.get()].first, key)),
            Entry::Vacant(place) => {
                Found::New(NewKey { place, answers: &mut self.answers, request_hash: key.request_hash })
            }
        }
    }

    /// The keys that were answered in this batch, in the order of their answers.
    pub(super) fn into_answered(self) -> Vec<AnsweredKey> {
        let mut names: Vec<(usize, KeyName)> =
            self.places.into_iter().map(|(name, place)| (place, name)).collect();
        names.sort_unstable_by_key(|(place, _)| *place);
        let answered = |((_, name), answer): ((usize, KeyName), Answer)| {
            let Remembered { request_hash, decision } = answer.first;
            AnsweredKey {
                key: Key { name, request_hash },
                operation: answer.operation,
                outcome: (!answer.is_in_the_books).then_some(decision),
                expires_at: answer.expires_at,
            }
        };
        names.into_iter().zip(self.answers).map(answered).collect()
    }
}

impl NewKey<'_> {
    /// Remembers the answer for those who ask again.
    pub(super) fn answer(self, operation: &Operation, decision: &Decision, now: Timestamp) {
        self.place.insert(self.answers.len());
        self.answers.push(Answer {
            first: Remembered { request_hash: self.request_hash, decision: decision.clone() },
            operation: operation.id,
            is_in_the_books: decision.is_ok() && operation.reference().is_some(),
            expires_at: decision.is_err().then(|| now + REFUSAL_REMEMBERED),
        });
    }
}

/// The first answer again, unless the key comes with another request.
fn again(first: &Remembered, key: &Key) -> Outcome {
    let is_same = first.request_hash == key.request_hash;
    let decision = if is_same { first.decision.clone() } else { Err(Refusal::KeyReused) };
    Outcome { decision, replayed: is_same }
}
