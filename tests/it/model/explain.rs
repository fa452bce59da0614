//! Every answer, held to the history: what was said to be done is there, as it was said; what was refused could not be
//! done at some moment between question and answer.

use std::{collections::HashMap, time::Instant};

use super::{
    asked::Asked,
    books::History,
    effects::{Effect, effects, is_done},
    operation::Operation,
    oracle,
};
use crate::support::customer::Answer;

pub struct Explained<'a> {
    history: &'a History,
    effects: Vec<Effect>,
    /// How often each refusal was explained.
    pub refusals: HashMap<String, usize>,
}

/// Explains everything, or panics with what cannot be explained.
pub fn explain<'a>(history: &'a History, all: &[Asked]) -> Explained<'a> {
    for asked in all {
        told_once(asked);
    }
    let mut explained = Explained { history, effects: effects(history, all), refusals: HashMap::new() };
    explained.real_time();
    for asked in all {
        explained.refusals_of(asked);
    }
    explained
}

/// A key has one answer, first or told again; without one there is nothing to tell again.
fn told_once(asked: &Asked) {
    let answers = || asked.answers().map(|(_, answer)| answer);
    if asked.reuses_a_key {
        let is_refused = answers().all(|answer| answer.code() == "idempotency_key_reused");
        assert!(is_refused, "a key was taken twice: {asked:?}");
        return;
    }
    let firsts = answers().filter(|answer| !answer.replayed).count();
    if asked.key.is_none() {
        assert_eq!(firsts, answers().count(), "told again without a key: {asked:?}");
        return;
    }
    let same = |answer: &Answer| (answer.status, answer.body.clone(), answer.version);
    let Some(first) = answers().next() else { return };
    assert!(answers().all(|answer| same(answer) == same(first)), "one key, several answers: {asked:?}");
    assert!(firsts <= 1, "decided twice: {asked:?}");
    assert!(firsts == 1 || asked.lost() > 0, "told again, and never told: {asked:?}");
}

impl Explained<'_> {
    /// What was known to be done before something was asked comes before it.
    fn real_time(&self) {
        for effect in &self.effects {
            let (earliest, _) = self.moments(effect.sent, None);
            let (_, end) = self.history.batches[effect.step];
            assert!(
                earliest <= end,
                "done before what was known when it was asked: {:?}",
                self.history.steps[effect.step]
            );
        }
    }

    /// The states in which something may have been decided that was sent then and answered then: a first and a last.
    fn moments(&self, sent: Instant, answered: Option<Instant>) -> (usize, usize) {
        let (mut first, mut last) = (0, self.history.steps.len());
        for effect in &self.effects {
            let (start, end) = self.history.batches[effect.step];
            // Within a batch the order of money and statuses is not known.
            let is_mixed = self.is_mixed(start, end);
            if effect.answered.is_some_and(|at| at <= sent) {
                first = first.max(if is_mixed { start } else { effect.step + 1 });
            }
            if answered.is_some_and(|answered| effect.sent >= answered) {
                last = last.min(if is_mixed { end } else { effect.step });
            }
        }
        (first, last)
    }

    fn is_mixed(&self, start: usize, end: usize) -> bool {
        self.history.steps[start..end].iter().any(|booked| !booked.operation.kind.is_money())
    }

    fn refusals_of(&mut self, asked: &Asked) {
        if asked.reuses_a_key {
            return;
        }
        // A key is decided once, at some moment up to its first answer; a request without one each time.
        let decided: Vec<(Instant, Instant, &Answer)> = if asked.key.is_some() {
            let first = asked.answers().min_by_key(|(at, _)| *at);
            first.map(|(at, answer)| (asked.sent(), *at, answer)).into_iter().collect()
        } else {
            let each =
                asked.attempts.iter().filter_map(|attempt| Some((attempt.sent, attempt.answer.as_ref()?)));
            each.map(|(sent, (at, answer))| (sent, *at, answer)).collect()
        };
        for (sent, answered, answer) in decided.into_iter().filter(|(_, _, answer)| !is_done(answer)) {
            *self.refusals.entry(answer.code().to_owned()).or_default() += 1;
            if answer.code() == "duplicate_reference" {
                let Operation { wallet, kind, reference, .. } = asked.operation;
                let step = reference.and_then(|reference| self.history.used.get(&(wallet, kind, reference)));
                let booked = step.map(|step| self.history.steps[*step].transaction.to_string());
                assert_eq!(answer.body["data"]["transaction_id"].as_str(), booked.as_deref(), "{asked:?}");
            }
            let (mut first, mut last) = self.moments(sent, Some(answered));
            // The books know when a refusal with a key was decided.
            let refused = asked.key.as_ref().map(|key| self.history.refused(key));
            if let Some((_, [earliest, latest])) = refused {
                (first, last) = (first.max(earliest), last.min(latest));
            }
            let at = refused.map(|(at, _)| at);
            let could_be = |states: [usize; 3]| self.could_be(asked, answer, at, states);
            assert!(
                (first..=last).any(|state| could_be([state; 3]))
                    || self.could_be_within_a_batch(could_be, first, last),
                "this was not so at any moment from state {first} to {last}: {asked:?}\n{:#?}\n{:#?}",
                self.history.states[first],
                &self.history.steps[first..last.max(first)],
            );
        }
    }

    /// Whether it would have been refused so, by the money and the two statuses of these states, at this time. Where that is
    /// not known, at the earliest or at the latest: the more time has passed, the more is due, which no refusal but that of a
    /// moment can leave open.
    fn could_be(&self, asked: &Asked, answer: &Answer, at: Option<i64>, states: [usize; 3]) -> bool {
        at.map_or_else(|| self.history.times(states[0]), |at| [at; 2]).into_iter().any(|at| {
            let view = self.history.view(&asked.operation, states, at);
            oracle::refusal(&asked.operation, &view) == Some(answer.code())
        })
    }

    /// Within a batch that changes statuses too, money and statuses may have come in another order than ours.
    fn could_be_within_a_batch(
        &self,
        could_be: impl Fn([usize; 3]) -> bool,
        first: usize,
        last: usize,
    ) -> bool {
        let mut start = first;
        while start < last {
            let (_, end) = self.history.batches[start];
            let states = || start..=end.min(last);
            let is_mixed = self.is_mixed(start, end);
            let mut all = states().flat_map(|money| {
                states().flat_map(move |own| (start..=end.min(last)).map(move |other| [money, own, other]))
            });
            if is_mixed && all.any(&could_be) {
                return true;
            }
            start = end;
        }
        false
    }
}
