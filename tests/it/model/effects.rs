//! Which request made which step: what was said to be done is in the books, as it was asked for and as it was told.

use std::{collections::HashMap, time::Instant};

use uuid::Uuid;

use super::{
    asked::Asked,
    books::History,
    operation::{Kind, Operation},
    told::{Told, is_as_asked},
};
use crate::support::customer::Answer;

/// What was asked and took effect: when it was asked and known to be done, and which step it was.
pub struct Effect {
    pub sent: Instant,
    pub answered: Option<Instant>,
    pub step: usize,
}

pub fn is_done(answer: &Answer) -> bool {
    matches!(answer.status, 200..=202)
}

/// Gives every step to the request that made it. A step that nobody asked for, a second one for one request, an answer
/// without its step: each is a contradiction.
pub fn effects(history: &History, all: &[Asked]) -> Vec<Effect> {
    let mut owners: HashMap<usize, &Asked> = HashMap::new();
    let mut told = Told::new(history);
    for asked in all.iter().filter(|asked| !asked.reuses_a_key) {
        let firsts = asked.answers().filter(|(_, answer)| is_done(answer));
        // Without a key, what was done under a reference is said to be done once.
        let limit = if asked.key.is_some() { 1 } else { usize::MAX };
        for (_, answer) in firsts.take(limit) {
            let step = told.step(asked, answer);
            assert!(owners.insert(step, asked).is_none(), "a step was told as two: {asked:?}");
        }
    }
    own_what_nobody_heard_of(history, all, &mut owners);
    let effect = |(step, asked): (usize, &Asked)| Effect {
        sent: asked.sent(),
        answered: known_by(asked, history.steps[step].is_refused),
        step,
    };
    owners.into_iter().map(effect).collect()
}

/// What is left was done for somebody who did not hear of it, was told as refused and kept so, or was a worker's.
fn own_what_nobody_heard_of<'a>(history: &History, all: &'a [Asked], owners: &mut HashMap<usize, &'a Asked>) {
    let mut silent: HashMap<Question, Vec<(&Asked, [usize; 2])>> = HashMap::new();
    for asked in all.iter().filter(|asked| !asked.reuses_a_key) {
        silent.entry(question(&asked.operation)).or_default().push((asked, [0; 2]));
    }
    for (n, booked) in history.steps.iter().enumerate() {
        let kind = booked.operation.kind;
        let is_of_the_setting = !kind.is_money() && booked.version == 1;
        if owners.contains_key(&n) || is_of_the_setting || kind.is_of_a_worker() {
            continue;
        }
        let candidates = silent.entry(question(&booked.operation)).or_default();
        let owner =
            candidates.iter_mut().find(|(asked, taken)| may_have_done(asked, *taken, booked.is_refused));
        let Some((owner, taken)) = owner else {
            panic!("nobody asked for this, or it was refused: {booked:?}: {candidates:?}")
        };
        taken[usize::from(booked.is_refused)] += 1;
        is_as_asked(history, &owner.operation, n);
        // Only a reference tells a request from every other.
        if kind.has_a_reference() {
            owners.insert(n, owner);
        }
    }
    let withdrawals = silent.values().flatten().filter(|(asked, _)| asked.operation.kind == Kind::Withdrawal);
    for (asked, [_, kept]) in withdrawals {
        assert!(told_as_short(asked) <= *kept, "a refused withdrawal was not kept: {asked:?}");
    }
}

/// What tells a request from every other, but for requests about a status and voids.
type Question = (Uuid, Kind, Option<Uuid>, Option<i64>);

fn question(operation: &Operation) -> Question {
    let Operation { kind, wallet, amount, reference, ends, .. } = *operation;
    // What a capture takes may be left to the ledger.
    (ends.unwrap_or(wallet), kind, reference, amount.filter(|_| ends.is_none()))
}

/// How often a request was told for the first time that there is too little.
fn told_as_short(asked: &Asked) -> usize {
    asked.answers().filter(|(_, answer)| answer.code() == "insufficient_funds" && !answer.replayed).count()
}

/// Whether a request that has made so many steps, done and refused, may have made one more without hearing that it is
/// done.
fn may_have_done(asked: &Asked, [done, refused]: [usize; 2], is_refused: bool) -> bool {
    if asked.key.is_some() {
        let is_short = asked.answers().any(|(_, answer)| answer.code() == "insufficient_funds");
        return done + refused == 0 && (asked.answered().is_none() || (is_refused && is_short));
    }
    done + refused < told_as_short(asked) + asked.lost() && (is_refused || done < asked.lost())
}

/// When a step of this request was known to be done. A request without a key that was lost may still be decided after
/// a later attempt was refused.
fn known_by(asked: &Asked, is_refused: bool) -> Option<Instant> {
    if asked.key.is_some() || asked.lost() == 0 {
        return asked.answered();
    }
    let of_it = |answer: &Answer| is_done(answer) || answer.code() == "duplicate_reference";
    asked.answers().filter(|(_, answer)| !is_refused && of_it(answer)).map(|(at, _)| *at).min()
}
