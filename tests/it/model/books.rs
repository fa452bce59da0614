//! What the books say has happened, in the order in which it has: replayed through the oracle, step by step.

use std::collections::{BTreeMap, HashMap};

use sqlx::{Connection, PgConnection, Row, postgres::PgRow};
use uuid::Uuid;

use super::{
    asked::Kind,
    oracle::{self, View, Wallet, Wallets},
};

/// A transaction or a change of status.
#[derive(Clone, Debug)]
pub struct Booked {
    pub id: Uuid,
    /// Microseconds since 1970; a batch has one time, that of the asker's entries, as long as Postgres' clock is not set
    /// back while the clients are at work.
    pub at: i64,
    position: i64,
    pub kind: Kind,
    pub wallet: Uuid,
    pub to: Option<Uuid>,
    pub amount: i64,
    pub fee: i64,
    pub reference: Uuid,
    /// Refused for want of funds.
    pub is_refused: bool,
    /// The wallet's version after it, or its status version.
    pub version: i64,
    to_version: Option<i64>,
    pub balance: i64,
    to_balance: Option<i64>,
}

const MONEY: &str = "\
select t.id, (extract(epoch from t.created_at) * 1000000)::int8 as at, e.position, t.kind, t.wallet_id, t.other_wallet_id,
       t.amount, t.fee, t.reference_id, t.status, t.version, t.other_version, e.available, o.available as other_available
from transactions t join entries e on e.wallet_id = t.wallet_id and e.version = t.version
left join entries o on o.wallet_id = t.other_wallet_id and o.version = t.other_version
order by t.created_at, e.position";

const STATUS: &str = "\
select id, (extract(epoch from occurred_at) * 1000000)::int8 as at, position, wallet_id, status, status_version
from status_changes order by occurred_at, position";

const WALLETS: &str = "select id, status, available, version, status_version from wallets";

fn money(row: &PgRow) -> Booked {
    Booked {
        id: row.get("id"),
        at: row.get("at"),
        position: row.get("position"),
        kind: [Kind::Deposit, Kind::Withdrawal, Kind::Transfer][row.get::<i16, _>("kind") as usize - 1],
        wallet: row.get("wallet_id"),
        to: row.get("other_wallet_id"),
        amount: row.get("amount"),
        fee: row.get("fee"),
        reference: row.get("reference_id"),
        is_refused: row.get::<i16, _>("status") == 2,
        version: row.get("version"),
        to_version: row.get("other_version"),
        balance: row.get("available"),
        to_balance: row.get("other_available"),
    }
}

fn status(row: &PgRow) -> Booked {
    Booked {
        id: row.get("id"),
        at: row.get("at"),
        position: row.get("position"),
        kind: if row.get::<i16, _>("status") == 1 { Kind::Enable } else { Kind::Disable },
        wallet: row.get("wallet_id"),
        to: None,
        amount: 0,
        fee: 0,
        reference: Uuid::nil(),
        is_refused: false,
        version: row.get("status_version"),
        to_version: None,
        balance: 0,
        to_balance: None,
    }
}

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
}

impl History {
    /// Reads the books and replays them: every step must be one that the oracle would have taken.
    pub async fn read(database_url: &str) -> Self {
        let mut conn = PgConnection::connect(database_url).await.expect("Postgres");
        let mut batches: BTreeMap<i64, [Vec<Booked>; 2]> = BTreeMap::new();
        for (n, (sql, read)) in
            [(MONEY, money as fn(&PgRow) -> Booked), (STATUS, status)].into_iter().enumerate()
        {
            for row in sqlx::query(sql).fetch_all(&mut conn).await.expect("the books") {
                let booked = read(&row);
                batches.entry(booked.at).or_default()[n].push(booked);
            }
        }
        let mut history = Self {
            steps: Vec::new(),
            states: vec![Wallets::new()],
            batches: Vec::new(),
            used: HashMap::new(),
            balances: HashMap::new(),
        };
        for batch in batches.into_values() {
            history.replay(batch);
        }
        let last = history.states.last().expect("a state");
        for row in sqlx::query(WALLETS).fetch_all(&mut conn).await.expect("the wallets") {
            let wallet = Wallet {
                enabled: row.get::<i16, _>("status") == 1,
                balance: row.get("available"),
                version: row.get("version"),
                status_version: row.get("status_version"),
            };
            let expected = last.get(&row.get::<Uuid, _>("id")).cloned().unwrap_or_default();
            assert_eq!(wallet, expected, "the wallet is not as the oracle has it at the end");
        }
        history
    }

    /// One batch. Money and statuses have an order each, and none among them: money goes first as long as it may. That
    /// finds an order if there is one, since money changes no status.
    fn replay(&mut self, [money, statuses]: [Vec<Booked>; 2]) {
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
        let state = self.states.len() - 1;
        let view = self.view(state, state, state, next.kind, next.wallet, next.to, next.reference);
        let refusal = oracle::refusal(next.kind, next.amount, view);
        let expected = next.is_refused.then_some("insufficient_funds");
        (refusal != expected).then(|| format!("{refusal:?}, not {expected:?}, by {view:?}"))
    }

    fn step(&mut self, next: Booked) {
        if let Some(contradiction) = self.contradiction(&next) {
            panic!("the oracle does not take this step: {contradiction}: {next:?}");
        }
        let mut wallets = self.states.last().expect("a state").clone();
        if next.is_refused {
            wallets.entry(next.wallet).or_default().version += 1;
        } else {
            oracle::effect(&mut wallets, next.wallet, next.kind, next.amount, next.to);
            self.used.insert((next.wallet, next.kind, next.reference), self.steps.len());
        }
        let after = &wallets[&next.wallet];
        if next.kind.is_money() {
            assert_eq!((next.version, next.balance), (after.version, after.balance), "{next:?}");
            self.balances.insert((next.wallet, next.version), next.balance);
        } else {
            assert_eq!(next.version, after.status_version, "{next:?}");
        }
        assert_eq!(
            next.fee,
            if next.is_refused { 0 } else { oracle::fee(next.kind, next.amount) },
            "{next:?}"
        );
        if let Some(to) = next.to {
            let (version, balance) =
                (next.to_version.expect("a version"), next.to_balance.expect("an entry"));
            assert_eq!((version, balance), (wallets[&to].version, wallets[&to].balance), "{next:?}");
            self.balances.insert((to, version), balance);
        }
        self.steps.push(next);
        self.states.push(wallets);
    }

    /// What a decision would have depended on: on the money of one state, and on the two statuses of others.
    #[allow(clippy::too_many_arguments)]
    pub fn view(
        &self,
        money: usize,
        own_status: usize,
        other_status: usize,
        kind: Kind,
        wallet: Uuid,
        to: Option<Uuid>,
        reference: Uuid,
    ) -> View {
        let of = |state: usize, wallet: Uuid| self.states[state].get(&wallet).cloned().unwrap_or_default();
        View {
            reference_is_used: self.used.get(&(wallet, kind, reference)).is_some_and(|step| *step < money),
            enabled: of(own_status, wallet).enabled,
            balance: of(money, wallet).balance,
            is_recipient_itself: to == Some(wallet),
            recipient_is_enabled: to.is_some_and(|to| of(other_status, to).enabled),
        }
    }
}
