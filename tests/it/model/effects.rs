//! Which request made which step: what was said to be done is in the books, as it was asked for and as it was told.

use std::{collections::HashMap, time::Instant};

use serde_json::Value;
use uuid::Uuid;

use super::{
    asked::{Asked, Kind},
    books::History,
};
use crate::support::customer::Answer;

/// What was asked and took effect: when it was asked and known to be done, and which step it was.
pub struct Effect {
    pub sent: Instant,
    pub answered: Option<Instant>,
    pub step: usize,
}

/// Gives every step to the request that made it. A step that nobody asked for, a second one for one request, an answer
/// without its step: each is a contradiction.
pub fn effects(history: &History, all: &[Asked]) -> Vec<Effect> {
    let steps = history.steps.iter().enumerate().map(|(n, booked)| (booked.id, n)).collect();
    Steps { history, steps }.of(all)
}

pub fn is_done(answer: &Answer) -> bool {
    matches!(answer.status, 200 | 201)
}

struct Steps<'a> {
    history: &'a History,
    /// By the ids of what was booked.
    steps: HashMap<Uuid, usize>,
}

impl Steps<'_> {
    fn of(&self, all: &[Asked]) -> Vec<Effect> {
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
        self.own_what_nobody_heard_of(all, &mut owners);
        let effect = |(step, asked): (usize, &Asked)| Effect {
            sent: asked.sent(),
            answered: known_by(asked, self.history.steps[step].is_refused),
            step,
        };
        owners.into_iter().map(effect).collect()
    }

    /// What is left was done for somebody who did not hear of it, or was told as refused and kept so.
    fn own_what_nobody_heard_of<'b>(&self, all: &'b [Asked], owners: &mut HashMap<usize, &'b Asked>) {
        let mut silent: HashMap<Question, Vec<(&Asked, [usize; 2])>> = HashMap::new();
        for asked in all.iter().filter(|asked| !asked.reuses_a_key) {
            silent.entry(question(asked)).or_default().push((asked, [0; 2]));
        }
        for (n, booked) in self.history.steps.iter().enumerate() {
            let is_of_the_setting = !booked.kind.is_money() && booked.version == 1;
            if owners.contains_key(&n) || is_of_the_setting {
                continue;
            }
            let candidates =
                silent.entry((booked.wallet, booked.kind, booked.reference, booked.amount)).or_default();
            let owner =
                candidates.iter_mut().find(|(asked, taken)| may_have_done(asked, *taken, booked.is_refused));
            let Some((owner, taken)) = owner else {
                panic!("nobody asked for this, or it was refused: {booked:?}: {candidates:?}")
            };
            taken[usize::from(booked.is_refused)] += 1;
            if booked.kind.is_money() {
                owners.insert(n, owner);
            }
        }
        for (asked, [_, kept]) in
            silent.values().flatten().filter(|(asked, _)| asked.kind == Kind::Withdrawal)
        {
            assert!(told_as_short(asked) <= *kept, "a refused withdrawal was not kept: {asked:?}");
        }
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
}

/// What tells a request from every other, but for requests about a status.
type Question = (Uuid, Kind, Uuid, i64);

fn question(asked: &Asked) -> Question {
    match asked.kind {
        Kind::Enable | Kind::Disable => (asked.wallet, asked.kind, Uuid::nil(), 0),
        money => (asked.wallet, money, asked.reference, asked.amount),
    }
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
