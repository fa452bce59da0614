//! What the books say has happened, in the order in which it has: replayed through the oracle, step by step.

use std::collections::{BTreeMap, HashMap};

use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use super::{
    operation::{Kind, Operation},
    oracle::{self, View, Waits, Wallets},
    rows::{self, Batch, Booked, WaitingRow},
    waiting::{NEVER, Waiting},
};

/// Everything that has happened, in one order that explains it.
pub struct History {
    pub steps: Vec<Booked>,
    /// The wallets before the first step, and after each.
    pub states: Vec<Wallets>,
    /// For each step, the first step of its batch and the one after its last; batches of one microsecond count as one.
    pub batches: Vec<(usize, usize)>,
    /// Which step used a reference up.
    pub used: HashMap<(Uuid, Kind, Uuid), usize>,
    /// The balance at each version of each wallet.
    pub balances: HashMap<(Uuid, i64), i64>,
    /// Deposits, holds and payouts whose money waits, or did.
    pub waiting: Waiting,
    /// When each refusal with a key was decided. Microseconds since 1970.
    refused_keys: HashMap<String, i64>,
}

impl History {
    /// Reads the books and replays them: every step must be one that the oracle would have taken, and come to what the
    /// books have in the end.
    pub async fn read(database_url: &str) -> Self {
        let mut conn = PgConnection::connect(database_url).await.expect("Postgres");
        let mut history = Self {
            steps: Vec::new(),
            states: vec![Wallets::new()],
            batches: Vec::new(),
            used: HashMap::new(),
            balances: HashMap::new(),
            waiting: Waiting::default(),
            refused_keys: rows::refused_keys(&mut conn).await,
        };
        for batch in rows::batches(&mut conn).await.into_values() {
            history.replay(batch);
        }
        history.ends_as(rows::wallets(&mut conn).await, &rows::waiting(&mut conn).await);
        history
    }

    /// One batch. Money and statuses have an order each, and none among them: money goes first as long as it may. That
    /// finds an order if there is one, since money changes no status.
    fn replay(&mut self, [money, statuses]: Batch) {
        assert!(money.is_sorted_by_key(|booked| booked.position));
        let first = self.steps.len();
        let (mut money, mut statuses) = (money.into_iter().peekable(), statuses.into_iter().peekable());
        loop {
            let next = match money.next_if(|next| self.contradiction(next).is_none()) {
                Some(next) => next,
                None => match statuses.next() {
                    Some(next) => next,
                    None => break,
                },
            };
            self.step(next);
        }
        if let Some(stuck) = money.next() {
            panic!(
                "the oracle does not take this step: {}: {stuck:?}",
                self.contradiction(&stuck).unwrap_or_default()
            );
        }
        self.batches.resize(self.steps.len(), (first, self.steps.len()));
    }

    /// What speaks against this as the next step.
    fn contradiction(&self, next: &Booked) -> Option<String> {
        let view = self.view(&next.operation, [self.steps.len(); 3], next.at);
        let refusal = oracle::refusal(&next.operation, &view);
        let expected = next.is_refused.then_some("insufficient_funds");
        (refusal != expected).then(|| format!("{refusal:?}, not {expected:?}, by {view:?}"))
    }

    fn step(&mut self, next: Booked) {
        if let Some(contradiction) = self.contradiction(&next) {
            panic!("the oracle does not take this step: {contradiction}: {next:?}");
        }
        let (step, operation) = (self.steps.len(), &next.operation);
        let Operation { kind, wallet, .. } = *operation;
        let mut wallets = self.states.last().expect("a state").clone();
        if next.is_refused {
            wallets.entry(wallet).or_default().version += 1;
        } else {
            let waits = operation.ends.map_or(0, |ends| self.waits(ends, step).expect("it waits").amount);
            if kind == Kind::Void || kind.is_of_a_worker() {
                assert_eq!(operation.amount, Some(waits), "not all that waits: {next:?}");
            }
            oracle::effect(&mut wallets, operation, waits);
            self.note(&next, step);
        }
        let after = &wallets[&wallet];
        if kind.is_money() {
            assert_eq!((next.version, &next.money), (after.version, &after.money), "{next:?}");
            self.balances.insert((wallet, next.version), next.money.balance());
        } else {
            assert_eq!(next.version, after.status_version, "{next:?}");
        }
        let fee = operation.amount.filter(|_| !next.is_refused);
        assert_eq!(next.fee, fee.map_or(0, |amount| oracle::fee(kind, amount, operation.to)), "{next:?}");
        if let Some(to) = operation.to {
            let (version, money) = next.other.as_ref().expect("an entry");
            assert_eq!((*version, money), (wallets[&to].version, &wallets[&to].money), "{next:?}");
            self.balances.insert((to, *version), money.balance());
        }
        self.steps.push(next);
        self.states.push(wallets);
    }

    /// Notes what a step has used up, begun, and ended.
    fn note(&mut self, next: &Booked, step: usize) {
        let Operation { kind, wallet, amount, reference, ends, until, .. } = next.operation;
        if let Some(reference) = reference {
            self.used.insert((wallet, kind, reference), step);
        }
        match ends {
            Some(payout) if kind == Kind::PayoutReversal => self.waiting.reverse(payout, step),
            Some(ends) => self.waiting.end(ends, step, kind),
            None => {}
        }
        let until = until.or((kind == Kind::Payout).then_some(NEVER));
        if let (Some(amount), Some(until)) = (amount, until) {
            self.waiting.begin(kind, next.transaction, wallet, amount, until, step);
        }
    }

    /// The books are in the end as the replay has left them: each wallet, and each release, hold and payout with the step
    /// that has ended it. What is held and unreleased is what is open.
    fn ends_as(
        &self,
        (wallets, next_due_at): (Wallets, BTreeMap<Uuid, Option<i64>>),
        rows: &BTreeMap<Uuid, WaitingRow>,
    ) {
        let end = self.steps.len();
        for (id, wallet) in &wallets {
            let expected = self.states[end].get(id).cloned().unwrap_or_default();
            assert_eq!(*wallet, expected, "the wallet is not as the oracle has it at the end");
            let open = |kind: Kind| self.waiting.open(*id, end).filter(move |item| item.kind == kind);
            let sum = |kind: Kind| open(kind).map(|item| item.amount).sum::<i64>();
            let waits = (wallet.money.held, wallet.money.unreleased);
            let held = sum(Kind::Hold) + sum(Kind::Payout);
            assert_eq!(waits, (held, sum(Kind::Deposit)), "not what is open in {id}");
            for item in self.waiting.open(*id, end).filter(|item| item.due_at < NEVER) {
                let is_met = next_due_at[id].is_some_and(|next| next <= item.due_at);
                assert!(is_met, "no look-up would find {item:?} by {:?}", next_due_at[id]);
            }
        }
        assert_eq!(rows.len(), self.waiting.all().count(), "something waits that nobody asked for");
        for (transaction, item) in self.waiting.all() {
            let id = |step: usize| self.steps[step].id;
            let expected = WaitingRow {
                wallet: item.wallet,
                amount: item.amount,
                due_at: item.due_at,
                closed_by: item.end.map(|(step, _)| id(step)),
                reversed_by: item.reversal.map(id),
            };
            assert_eq!(rows[transaction], expected, "{transaction}");
        }
    }

    /// What a decision at this time would have depended on: on the money of one state, and on the two statuses of
    /// others.
    pub fn view(&self, operation: &Operation, [money, own, other]: [usize; 3], at: i64) -> View {
        let of = |state: usize, wallet: Uuid| self.states[state].get(&wallet).cloned().unwrap_or_default();
        let Operation { kind, wallet, reference, to, ends, .. } = *operation;
        let used = reference.and_then(|reference| self.used.get(&(wallet, kind, reference)));
        let waits = ends.and_then(|ends| self.waits(ends, money));
        // What is due is booked in the order of its moments.
        let due_by = waits.filter(|_| kind.is_due()).map_or(at, |waits| waits.due_at - 1);
        View {
            reference_is_used: used.is_some_and(|step| *step < money),
            enabled: of(own, wallet).enabled,
            available: of(money, wallet).money.available,
            is_recipient_itself: to == Some(wallet),
            recipient_is_enabled: to.is_some_and(|to| of(other, to).enabled),
            waits,
            is_due: (kind.settles_due() || kind.is_due()) && self.waiting.is_due(wallet, money, due_by),
            at,
        }
    }

    fn waits(&self, transaction: Uuid, before: usize) -> Option<Waits> {
        let item = self.waiting.find(transaction, before)?;
        Some(Waits {
            kind: item.kind,
            amount: item.amount,
            due_at: item.due_at,
            ended: item.ended(before),
            has_come_back: item.reversal.is_some_and(|step| step < before),
        })
    }

    /// The earliest and the latest time of a decision in this state.
    pub fn times(&self, state: usize) -> [i64; 2] {
        let at = |step: usize| self.steps.get(step).map(|booked| booked.at);
        [state.checked_sub(1).and_then(at).unwrap_or(i64::MIN), at(state).unwrap_or(i64::MAX)]
    }

    /// When a refusal with this key was decided, and the first and the last state of that time.
    pub fn refused(&self, key: &str) -> (i64, [usize; 2]) {
        let at = *self.refused_keys.get(key).unwrap_or_else(|| panic!("no refusal is kept for {key}"));
        let first = self.steps.partition_point(|booked| booked.at < at);
        (at, [first, self.steps.partition_point(|booked| booked.at <= at)])
    }
}
