//! The rows of the books: what has happened, and what it has come to.

use std::collections::{BTreeMap, HashMap};

use sqlx::{PgConnection, Row, postgres::PgRow};
use uuid::Uuid;

use super::{
    operation::{Kind, Operation},
    oracle::{Money, Wallet, Wallets},
    waiting::NEVER,
};

/// A transaction, a step of one, or a change of status.
#[derive(Clone, Debug)]
pub struct Booked {
    pub id: Uuid,
    pub transaction: Uuid,
    /// Microseconds since 1970; a batch has one time, that of the asker's entries, as long as Postgres' clock is not set
    /// back while the clients are at work.
    pub at: i64,
    pub position: i64,
    /// Of a capture and of what ends by itself, `amount` is what was booked.
    pub operation: Operation,
    pub fee: i64,
    /// Refused for want of funds.
    pub is_refused: bool,
    /// The wallet's version after it, or its status version.
    pub version: i64,
    pub money: Money,
    /// The same of the wallet that got money.
    pub other: Option<(i64, Money)>,
}

/// What has happened at one time: money in its order, and statuses in theirs.
pub type Batch = [Vec<Booked>; 2];

const MONEY: &str = "\
with booked as (
    select t.id, t.id as transaction_id, t.created_at, t.kind, t.wallet_id, t.version, t.other_wallet_id,
           t.other_version, t.amount, t.fee, t.reference_id, t.status = 2 as is_refused,
           coalesce(r.due_at, h.expires_at) as due_at, p.transaction_id as reverses
    from transactions t
    left join releases r on r.transaction_id = t.id
    left join holds h on h.transaction_id = t.id
    left join payouts p on p.reversed_by = t.id
  union all
    select s.id, s.transaction_id, s.created_at, s.kind, s.wallet_id, s.version, s.other_wallet_id,
           s.other_version, s.amount, s.fee, s.reference_id, false, null, null
    from steps s)
select b.*, (extract(epoch from b.created_at) * 1000000)::int8 as at,
       (extract(epoch from b.due_at) * 1000000)::int8 as due, e.position, e.available, e.held, e.unreleased,
       o.available as other_available, o.held as other_held, o.unreleased as other_unreleased
from booked b join entries e on e.wallet_id = b.wallet_id and e.version = b.version
left join entries o on o.wallet_id = b.other_wallet_id and o.version = b.other_version
order by b.created_at, e.position";

const STATUS: &str = "\
select id, (extract(epoch from occurred_at) * 1000000)::int8 as at, position, wallet_id, status, status_version
from status_changes order by occurred_at, position";

const WALLETS: &str = "\
select id, status, available, held, unreleased, version, status_version,
       (extract(epoch from next_due_at) * 1000000)::int8 as next_due_at
from wallets";

/// The record of a refusal is kept for a day from the time of its decision.
const REFUSED_KEYS: &str = "\
select key, (extract(epoch from expires_at - interval '24 hours') * 1000000)::int8 as decided_at
from keys where expires_at is not null";

const WAITING: &str = "\
select transaction_id, wallet_id, amount, (extract(epoch from due_at) * 1000000)::int8 as due, closed_by, null::uuid as reversed_by
from releases
union all
select transaction_id, wallet_id, amount, (extract(epoch from expires_at) * 1000000)::int8, closed_by, null from holds
union all
select transaction_id, wallet_id, amount, null, closed_by, reversed_by from payouts";

fn money(row: &PgRow) -> Booked {
    let (id, transaction): (Uuid, Uuid) = (row.get("id"), row.get("transaction_id"));
    let kind = match row.get::<i16, _>("kind") {
        1 => Kind::Deposit,
        2 => Kind::Withdrawal,
        3 => Kind::Transfer,
        5 => Kind::Release,
        6 => Kind::Hold,
        7 | 8 => Kind::Capture,
        10 => Kind::Void,
        11 => Kind::Expiry,
        12 => Kind::Payout,
        13 => Kind::PayoutSettled,
        14 => Kind::PayoutReturned,
        16 => Kind::PayoutReversal,
        other => panic!("nobody asks for what has the kind {other}"),
    };
    let other = row.get::<Option<i64>, _>("other_version").map(|version| {
        let [available, held, unreleased] =
            ["other_available", "other_held", "other_unreleased"].map(|name| row.get(name));
        (version, Money { available, held, unreleased })
    });
    Booked {
        id,
        transaction,
        at: row.get("at"),
        position: row.get("position"),
        operation: Operation {
            kind,
            wallet: row.get("wallet_id"),
            amount: Some(row.get("amount")),
            reference: row.get("reference_id"),
            to: row.get("other_wallet_id"),
            ends: row.get::<Option<_>, _>("reverses").or((id != transaction).then_some(transaction)),
            until: row.get("due"),
        },
        fee: row.get("fee"),
        is_refused: row.get("is_refused"),
        version: row.get("version"),
        money: money_of(row),
        other,
    }
}

fn money_of(row: &PgRow) -> Money {
    let [available, held, unreleased] = ["available", "held", "unreleased"].map(|name| row.get(name));
    Money { available, held, unreleased }
}

fn status(row: &PgRow) -> Booked {
    let kind = if row.get::<i16, _>("status") == 1 { Kind::Enable } else { Kind::Disable };
    let wallet = row.get("wallet_id");
    Booked {
        id: row.get("id"),
        transaction: row.get("id"),
        at: row.get("at"),
        position: row.get("position"),
        operation: Operation {
            kind,
            wallet,
            amount: None,
            reference: None,
            to: None,
            ends: None,
            until: None,
        },
        fee: 0,
        is_refused: false,
        version: row.get("status_version"),
        money: Money::default(),
        other: None,
    }
}

/// Everything that has happened, by its time.
pub async fn batches(conn: &mut PgConnection) -> BTreeMap<i64, Batch> {
    let mut batches: BTreeMap<i64, Batch> = BTreeMap::new();
    for (n, (sql, read)) in [(MONEY, money as fn(&PgRow) -> Booked), (STATUS, status)].into_iter().enumerate()
    {
        for row in sqlx::query(sql).fetch_all(&mut *conn).await.expect("the books") {
            let booked = read(&row);
            batches.entry(booked.at).or_default()[n].push(booked);
        }
    }
    batches
}

/// The wallets, each with the moment before which nothing is due in it.
pub async fn wallets(conn: &mut PgConnection) -> (Wallets, BTreeMap<Uuid, Option<i64>>) {
    let rows = sqlx::query(WALLETS).fetch_all(conn).await.expect("the wallets");
    let wallet = |row: &PgRow| Wallet {
        enabled: row.get::<i16, _>("status") == 1,
        money: money_of(row),
        version: row.get("version"),
        status_version: row.get("status_version"),
    };
    let wallets = rows.iter().map(|row| (row.get("id"), wallet(row))).collect();
    (wallets, rows.iter().map(|row| (row.get("id"), row.get("next_due_at"))).collect())
}

/// When each refusal with a key was decided.
pub async fn refused_keys(conn: &mut PgConnection) -> HashMap<String, i64> {
    let rows = sqlx::query(REFUSED_KEYS).fetch_all(conn).await.expect("the keys");
    rows.iter().map(|row| (row.get("key"), row.get("decided_at"))).collect()
}

/// A row of `releases`, `holds` or `payouts`.
#[derive(Debug, PartialEq, Eq)]
pub struct WaitingRow {
    pub wallet: Uuid,
    pub amount: i64,
    pub due_at: i64,
    /// The step that ended it.
    pub closed_by: Option<Uuid>,
    /// The transaction by which a payout came back.
    pub reversed_by: Option<Uuid>,
}

/// Everything that has waited, by its transaction.
pub async fn waiting(conn: &mut PgConnection) -> BTreeMap<Uuid, WaitingRow> {
    let rows = sqlx::query(WAITING).fetch_all(conn).await.expect("what waits");
    let row = |row: &PgRow| WaitingRow {
        wallet: row.get("wallet_id"),
        amount: row.get("amount"),
        due_at: row.get::<Option<_>, _>("due").unwrap_or(NEVER),
        closed_by: row.get("closed_by"),
        reversed_by: row.get("reversed_by"),
    };
    rows.iter().map(|found| (found.get("transaction_id"), row(found))).collect()
}
