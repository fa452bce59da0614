//! What an answer says of what was done, held to the books.

use std::collections::HashMap;

use chrono::DateTime;
use serde_json::Value;
use uuid::Uuid;

use super::{
    asked::Asked,
    books::History,
    operation::{Kind, Operation},
    oracle,
    rows::Booked,
};
use crate::support::customer::Answer;

/// How long a hold lasts that names no expiry, in microseconds.
const DEFAULT_TTL: i64 = 7 * 24 * 3_600 * 1_000_000;

/// The steps that answers are about.
pub struct Told<'a> {
    history: &'a History,
    /// By the ids of transactions and status changes.
    steps: HashMap<Uuid, usize>,
    /// By wallet, kind and millisecond, those that no answer was about.
    times: HashMap<(Uuid, Kind, i64), Vec<usize>>,
}

impl<'a> Told<'a> {
    pub fn new(history: &'a History) -> Self {
        let steps = history.steps.iter().enumerate().map(|(n, booked)| (booked.id, n)).collect();
        let mut times: HashMap<_, Vec<usize>> = HashMap::new();
        for (n, booked) in history.steps.iter().enumerate() {
            let Operation { wallet, kind, .. } = booked.operation;
            times.entry((wallet, kind, booked.at / 1_000)).or_default().push(n);
        }
        Self { history, steps, times }
    }

    /// The step that an answer is about; it is as it was asked for, and as it was told.
    pub fn step(&mut self, asked: &Asked, answer: &Answer) -> usize {
        if asked.operation.kind.is_money() {
            self.of_money(asked, answer)
        } else {
            self.of_status(asked, answer)
        }
    }

    fn of_money(&self, asked: &Asked, answer: &Answer) -> usize {
        let kind = asked.operation.kind;
        let told = &answer.body["data"][kind.word()];
        let step = if asked.operation.ends.is_some() {
            let hold: Uuid = id(&told["hold"]);
            assert_eq!(Some(hold), asked.operation.ends, "{asked:?}");
            let item = self.history.waiting.find(hold, usize::MAX);
            item.and_then(|item| item.end).map(|(step, _)| step)
        } else {
            self.steps.get(&id(&told["id"])).copied()
        };
        let step = step.unwrap_or_else(|| panic!("told, and not in the books: {asked:?}"));
        let booked = &self.history.steps[step];
        is_as_asked(self.history, &asked.operation, step);
        assert_eq!(
            (answer.version, booked.is_refused),
            (Some(booked.version), false),
            "{asked:?} {booked:?}"
        );
        let money = &booked.money;
        let (balance, available) = (Some(money.balance()), Some(money.available));
        let mut expected = vec![
            ("amount", booked.operation.amount),
            ("balance", balance),
            ("available_balance", available),
            ("version", Some(booked.version)),
        ];
        if matches!(kind, Kind::Transfer | Kind::Capture) {
            expected.push(("fee", Some(booked.fee)));
        }
        for (name, number) in expected {
            assert_eq!(told[name].as_i64(), number, "{name}: {asked:?} {booked:?}");
        }
        let due = match kind {
            Kind::Deposit => &told["release_at"],
            Kind::Hold => &told["expires_at"],
            _ => &Value::Null,
        };
        let until = booked.operation.until.map(|until| until / 1_000);
        assert_eq!((!due.is_null()).then(|| millis(due)), until, "{asked:?} {booked:?}");
        step
    }

    /// The change that an answer about a status is about, by its time, which is told in milliseconds.
    fn of_status(&mut self, asked: &Asked, answer: &Answer) -> usize {
        let Operation { kind, wallet, .. } = asked.operation;
        let told = &answer.body["data"]["wallet"];
        let at = millis(if kind == Kind::Enable { &told["enabled_at"] } else { &told["disabled_at"] });
        let step = self.times.get_mut(&(wallet, kind, at)).and_then(Vec::pop);
        let version = answer.version.expect("a version");
        let balance = if version == 0 { Some(&0) } else { self.history.balances.get(&(wallet, version)) };
        assert_eq!(told["balance"], balance.map_or(Value::Null, |balance| (*balance).into()), "{asked:?}");
        step.unwrap_or_else(|| panic!("told, and not in the books: {asked:?}"))
    }
}

/// A step is as this was asked for.
pub fn is_as_asked(history: &History, asked: &Operation, step: usize) {
    let booked = &history.steps[step];
    let Booked { operation: is, at, .. } = booked;
    let held = asked.ends.and_then(|hold| history.waiting.find(hold, step)).map(|hold| hold.amount);
    let (amount, until) = match asked.kind {
        Kind::Capture => (Some(oracle::captured(held.expect("a hold"), asked.amount, asked.to)), None),
        Kind::Void => (held, None),
        Kind::Hold => (asked.amount, asked.until.or(Some(at + DEFAULT_TTL))),
        _ => (asked.amount, asked.until),
    };
    assert_eq!(
        (is.wallet, is.kind, is.to, is.amount, is.reference, is.ends),
        (asked.wallet, asked.kind, asked.to, amount, asked.reference, asked.ends),
        "{asked:?} {booked:?}"
    );
    assert_eq!(is.until, until, "{asked:?} {booked:?}");
}

fn id(told: &Value) -> Uuid {
    told.as_str().and_then(|id| id.parse().ok()).expect("an id")
}

fn millis(told: &Value) -> i64 {
    DateTime::parse_from_rfc3339(told.as_str().expect("a time")).expect("a time").timestamp_millis()
}
