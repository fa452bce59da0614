//! Every answer, held to the history: what was said to be done is there, as it was said; what was refused could not be
//! done at some moment between question and answer.

use std::{collections::HashMap, time::Instant};

use serde_json::Value;
use uuid::Uuid;

use super::{
    asked::{Asked, Kind},
    books::History,
    oracle,
};
use crate::support::customer::Answer;

/// What was asked and took effect: when it was asked and known to be done, and which step it was.
struct Effect {
    sent: Instant,
    answered: Option<Instant>,
    step: usize,
}

pub struct Explained<'a> {
    history: &'a History,
    effects: Vec<Effect>,
    steps: HashMap<Uuid, usize>,
    /// How often each refusal was explained.
    pub refusals: HashMap<String, usize>,
}

/// Explains everything, or panics with what cannot be explained.
pub fn explain<'a>(history: &'a History, all: &[Asked]) -> Explained<'a> {
    let steps = history.steps.iter().enumerate().map(|(n, booked)| (booked.id, n)).collect();
    let mut explained = Explained { history, effects: Vec::new(), steps, refusals: HashMap::new() };
    for asked in all {
        told_once(asked);
    }
    explained.own_the_steps(all);
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

fn is_done(answer: &Answer) -> bool {
    matches!(answer.status, 200 | 201)
}

impl Explained<'_> {
    /// Gives every step to the request that made it. A step that nobody asked for, a second one for one request, an
    /// answer without its step: each is a contradiction.
    fn own_the_steps(&mut self, all: &[Asked]) {
        let mut owners: HashMap<usize, &Asked> = HashMap::new();
        let mut times: HashMap<(Uuid, Kind, i64), Vec<usize>> = HashMap::new();
        for (n, booked) in self.history.steps.iter().enumerate() {
            times.entry((booked.wallet, booked.kind, booked.at / 1_000)).or_default().push(n);
        }
        for asked in all.iter().filter(|asked| !asked.reuses_a_key) {
            let firsts = asked.answers().filter(|(_, answer)| is_done(answer));
            // Without a key, what was done under a reference is said to be done once.
            let limit = if asked.key.is_some() { 1 } else { usize::MAX };
            for (_, answer) in firsts.take(limit) {
                let step = if asked.kind.is_money() {
                    self.told_of_money(asked, answer)
                } else {
                    self.told_of_status(asked, answer, &mut times)
                };
                assert!(owners.insert(step, asked).is_none(), "a step was told as two: {asked:?}");
            }
        }
        // What is left was done for somebody who did not hear of it.
        let mut silent: HashMap<(Uuid, Kind, Uuid), Vec<&Asked>> = HashMap::new();
        for asked in all.iter().filter(|asked| !asked.reuses_a_key) {
            let reference = if asked.kind.is_money() { asked.reference } else { Uuid::nil() };
            silent.entry((asked.wallet, asked.kind, reference)).or_default().push(asked);
        }
        let mut taken: HashMap<*const Asked, usize> = HashMap::new();
        for (n, booked) in self.history.steps.iter().enumerate() {
            let is_of_the_setting = !booked.kind.is_money() && booked.version == 1;
            if owners.contains_key(&n) || is_of_the_setting {
                continue;
            }
            let candidates = silent.get(&(booked.wallet, booked.kind, booked.reference));
            let owner = candidates.into_iter().flatten().find(|asked| {
                let is_same = !booked.kind.is_money() || asked.amount == booked.amount;
                is_same
                    && taken.get(&std::ptr::from_ref(**asked)).copied().unwrap_or(0)
                        < may_have_done(asked, booked.is_refused)
            });
            let owner = owner.unwrap_or_else(|| {
                panic!("nobody asked for this, or it was refused: {booked:?}: {candidates:?}")
            });
            *taken.entry(std::ptr::from_ref(*owner)).or_default() += 1;
            if booked.kind.is_money() {
                owners.insert(n, owner);
            }
        }
        for asked in all.iter().filter(|asked| asked.kind == Kind::Withdrawal && !asked.reuses_a_key) {
            let short = asked.answers().filter(|(_, answer)| answer.code() == "insufficient_funds");
            let short = short.filter(|(_, answer)| !answer.replayed).count();
            let kept = taken.get(&std::ptr::from_ref(asked)).copied().unwrap_or(0);
            assert!(short <= kept, "a refused withdrawal was not kept: {asked:?}");
        }
        let effect = |(step, asked): (usize, &Asked)| Effect {
            sent: asked.sent(),
            answered: known_by(asked, self.history.steps[step].is_refused),
            step,
        };
        self.effects = owners.into_iter().map(effect).collect();
    }

    /// The step that an answer about money is about; it is as it was asked for, and as it was told.
    fn told_of_money(&self, asked: &Asked, answer: &Answer) -> usize {
        let told = &answer.body["data"][asked.kind.word()];
        let id: Uuid = told["id"].as_str().and_then(|id| id.parse().ok()).expect("an id");
        let step = *self.steps.get(&id).unwrap_or_else(|| panic!("told, and not in the books: {asked:?}"));
        let booked = &self.history.steps[step];
        let to = asked.to.and_then(|(_, to)| to);
        let wanted = (asked.wallet, asked.kind, to, asked.amount, asked.reference, false);
        let is = (booked.wallet, booked.kind, booked.to, booked.amount, booked.reference, booked.is_refused);
        assert_eq!(is, wanted, "{asked:?} {booked:?}");
        assert_eq!(answer.version, Some(booked.version), "{asked:?} {booked:?}");
        if asked.kind == Kind::Transfer {
            let numbers = ["fee", "balance", "version", "amount"].map(|name| told[name].as_i64());
            let expected = [booked.fee, booked.balance, booked.version, booked.amount].map(Some);
            assert_eq!(numbers, expected, "{asked:?} {booked:?}");
        }
        step
    }

    /// The change that an answer about a status is about, by its time, which is told in milliseconds.
    fn told_of_status(
        &self,
        asked: &Asked,
        answer: &Answer,
        times: &mut HashMap<(Uuid, Kind, i64), Vec<usize>>,
    ) -> usize {
        let told = &answer.body["data"]["wallet"];
        let at = if asked.kind == Kind::Enable { &told["enabled_at"] } else { &told["disabled_at"] };
        let at = chrono::DateTime::parse_from_rfc3339(at.as_str().expect("a time")).expect("a time");
        let step = times.get_mut(&(asked.wallet, asked.kind, at.timestamp_millis())).and_then(Vec::pop);
        let version = answer.version.expect("a version");
        let balance =
            if version == 0 { Some(&0) } else { self.history.balances.get(&(asked.wallet, version)) };
        assert_eq!(told["balance"], balance.map_or(Value::Null, |balance| (*balance).into()), "{asked:?}");
        step.unwrap_or_else(|| panic!("told, and not in the books: {asked:?}"))
    }

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
        self.history.steps[start..end].iter().any(|booked| !booked.kind.is_money())
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
                let step = self.history.used.get(&(asked.wallet, asked.kind, asked.reference));
                let booked = step.map(|step| self.history.steps[*step].id.to_string());
                assert_eq!(answer.body["data"]["transaction_id"].as_str(), booked.as_deref(), "{asked:?}");
            }
            let (first, last) = self.moments(sent, Some(answered));
            assert!(
                (first..=last).any(|state| self.could_be(asked, answer, [state; 3]))
                    || self.could_be_within_a_batch(asked, answer, first, last),
                "this was not so at any moment from state {first} to {last}: {asked:?}\n{:#?}\n{:#?}",
                self.history.states[first],
                &self.history.steps[first..last.max(first)],
            );
        }
    }

    /// Whether it would have been refused so, by the money and the two statuses of these states.
    fn could_be(&self, asked: &Asked, answer: &Answer, [money, own, other]: [usize; 3]) -> bool {
        let to = asked.to.and_then(|(_, to)| to);
        let view = self.history.view(money, own, other, asked.kind, asked.wallet, to, asked.reference);
        oracle::refusal(asked.kind, asked.amount, view) == Some(answer.code())
    }

    /// Within a batch that changes statuses too, money and statuses may have come in another order than ours.
    fn could_be_within_a_batch(&self, asked: &Asked, answer: &Answer, first: usize, last: usize) -> bool {
        let mut start = first;
        while start < last {
            let (_, end) = self.history.batches[start];
            let states = || start..=end.min(last);
            let is_mixed = self.is_mixed(start, end);
            let mut all = states().flat_map(|money| {
                states().flat_map(move |own| (start..=end.min(last)).map(move |other| [money, own, other]))
            });
            if is_mixed && all.any(|state| self.could_be(asked, answer, state)) {
                return true;
            }
            start = end;
        }
        false
    }
}

/// How many steps a request may have made that it was not told of as done.
fn may_have_done(asked: &Asked, is_refused: bool) -> usize {
    let short = asked.answers().filter(|(_, answer)| answer.code() == "insufficient_funds");
    if asked.key.is_some() {
        // Not heard of at all, or told as refused and kept so.
        let is_kept = is_refused && short.count() > 0;
        return usize::from(asked.answered().is_none() || is_kept);
    }
    if is_refused { short.count() + asked.lost() } else { asked.lost() }
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
