//! Step 2, the prior state: the batch's time, and what the books know of its references and keys.

use std::collections::HashSet;

use serde::Deserialize;
use sqlx::{PgConnection, Row, postgres::PgRow, types::Json};
use uuid::Uuid;

use super::{due_rows::DueRows, outcome_record::OutcomeRecord};
use crate::{
    db::DbError,
    kernel::{
        buckets::Buckets,
        clock::Timestamp,
        currency::Currency,
        ids::{OperationId, WalletId},
    },
    ledger::{
        hold::{Hold, HoldState},
        kind::Kind,
        locks::log_lock,
        operation::{KeyName, Operation, ReferenceKey},
        outcome::{BalanceAfter, Done, IdempotencyRecord, Receipt},
        payout::PayoutState,
        prior_state::PriorState,
        wallet_state::WalletState,
    },
};

/// The batch's time; then, with a JSON payload each, the references that are used up (`what` 1: the id of the transaction),
/// the keys that have a stored decision (`what` 2: [`KnownKey`]), which is a transaction, a step of one, or an outcome of its
/// own, what is due in wallets (`what` 3: [`DueRows`]), the references of captures that are used up (`what` 4: the id of the
/// transaction), the holds that operations name (`what` 5: [`NamedHold`]), and the payouts (`what` 6: [`NamedPayout`]). `n` says which of the parameters a row answers.
macro_rules! prior_state {
    ($($from:expr),*) => {
        concat!(
            "with c as materialized (select clock_timestamp() as at",
            $($from,)*
            ")
select 0::int2 as what, null::int8 as n, c.at, null::jsonb as payload from c
union all
select 1::int2, k.n, null, to_jsonb(t.id)
from unnest($1::uuid[], $2::int2[], $3::uuid[]) with ordinality k(wallet_id, kind, reference_id, n)
cross join lateral (
    select t.id from transactions t
    where t.wallet_id = k.wallet_id and t.kind = k.kind and t.reference_id = k.reference_id and t.status <> 2
    offset 0) t
union all
select 2::int2, k.n, coalesce(s.created_at, t.created_at), jsonb_build_object(
           'request_hash', encode(i.request_hash, 'hex'), 'outcome', i.outcome, 'booked',
           case when t.id is not null then jsonb_build_object(
               'id', t.id, 'amount', coalesce(s.amount, t.amount), 'fee', coalesce(s.fee, t.fee),
               'currency', t.currency, 'version', e.version, 'due_at', case when s.id is null then coalesce(r.due_at, h.expires_at) end,
               'available', e.available, 'held', e.held, 'unreleased', e.unreleased) end)
from unnest($4::text[], $5::text[]) with ordinality k(actor, key, n)
cross join lateral (select * from keys i where i.actor = k.actor and i.key = k.key offset 0) i
left join lateral (select * from steps s where s.id = i.operation_id and i.outcome is null offset 0) s on true
left join lateral (
    select * from transactions t
    where t.id = coalesce(s.transaction_id, i.operation_id) and i.outcome is null offset 0) t on true
left join lateral (
    select * from entries e
    where e.wallet_id = coalesce(s.wallet_id, t.wallet_id) and e.version = coalesce(s.version, t.version)
    offset 0) e on true
left join lateral (
    select r.due_at from releases r where r.transaction_id = t.id and t.kind = 1 offset 0) r on true
left join lateral (
    select h.expires_at from holds h where h.transaction_id = t.id and t.kind = 6 offset 0) h on true
union all
select 3::int2, k.n, d.due_at, case when d.transaction_id is not null then jsonb_build_object(
           'kind', d.kind, 'transaction_id', d.transaction_id, 'amount', d.amount, 'last_step', coalesce(s.n, 1),
           'is_due', d.due_at <= c.at) end
from c
cross join unnest($6::uuid[], $7::timestamptz[]) with ordinality k(wallet_id, next_due_at, n)
left join lateral (
    (select 5 as kind, r.transaction_id, r.amount, r.due_at from releases r
     where r.wallet_id = k.wallet_id and r.closed_by is null and r.due_at <= c.at
     order by r.due_at, r.transaction_id limit 501)
    union all
    (select 5, r.transaction_id, r.amount, r.due_at from releases r
     where r.wallet_id = k.wallet_id and r.closed_by is null and r.due_at > c.at
     order by r.due_at limit 1)
    union all
    (select 11, h.transaction_id, h.amount, h.expires_at from holds h
     where h.wallet_id = k.wallet_id and h.closed_by is null and h.expires_at <= c.at
     order by h.expires_at, h.transaction_id limit 501)
    union all
    (select 11, h.transaction_id, h.amount, h.expires_at from holds h
     where h.wallet_id = k.wallet_id and h.closed_by is null and h.expires_at > c.at
     order by h.expires_at limit 1)) d on true
left join lateral (
    select max(s.n) as n from steps s where s.transaction_id = d.transaction_id offset 0) s on true
where k.next_due_at <= c.at
union all
select 4::int2, k.n, null, to_jsonb(s.transaction_id)
from unnest($8::uuid[], $9::uuid[]) with ordinality k(wallet_id, reference_id, n)
cross join lateral (
    select s.transaction_id from steps s
    where s.wallet_id = k.wallet_id and s.reference_id = k.reference_id
    offset 0) s
union all
select 5::int2, k.n, h.expires_at, jsonb_build_object(
           'wallet_id', h.wallet_id, 'amount', h.amount, 'closed', s.kind)
from unnest($10::uuid[]) with ordinality k(id, n)
cross join lateral (select * from holds h where h.transaction_id = k.id offset 0) h
left join lateral (select s.kind from steps s where s.id = h.closed_by offset 0) s on true
union all
select 6::int2, k.n, null, jsonb_build_object(
           'wallet_id', p.wallet_id, 'amount', p.amount, 'closed', s.kind, 'is_reversed', p.reversed_by is not null)
from unnest($11::uuid[]) with ordinality k(id, n)
cross join lateral (select * from payouts p where p.transaction_id = k.id offset 0) p
left join lateral (select s.kind from steps s where s.id = p.closed_by offset 0) s on true"
        )
    };
}

/// Step 2: a statement of its own, so that it sees what the locks have waited for. It also takes the log's shared lock
/// ([`locks::LOG`](crate::ledger::locks::LOG)).
pub const PRIOR_STATE: &str = prior_state!(" from pg_advisory_xact_lock_shared(", log_lock!(), ")");

/// The same for a dry run, which writes nothing: without the log's lock.
pub const PRIOR_STATE_UNLOCKED: &str = prior_state!();

/// The payload of a known key.
#[derive(Deserialize)]
struct KnownKey {
    /// Hexadecimal.
    request_hash: String,
    outcome: Option<OutcomeRecord>,
    booked: Option<Booked>,
}

/// A receipt's fields, out of the transaction and its entry.
#[derive(Deserialize)]
struct Booked {
    id: Uuid,
    amount: i64,
    fee: i64,
    currency: Currency,
    version: i64,
    due_at: Option<Timestamp>,
    #[serde(flatten)]
    buckets: Buckets,
}

/// The payload of a hold that an operation names.
#[derive(Deserialize)]
struct NamedHold {
    wallet_id: Uuid,
    amount: i64,
    /// The kind of the step that has closed it.
    closed: Option<i16>,
}

/// The payload of a payout that an operation names.
#[derive(Deserialize)]
struct NamedPayout {
    wallet_id: Uuid,
    amount: i64,
    /// The kind of the step that has closed it.
    closed: Option<i16>,
    is_reversed: bool,
}

impl NamedPayout {
    fn state(self, transaction: OperationId) -> Result<PayoutState, DbError> {
        let Self { wallet_id, amount, closed, is_reversed } = self;
        let closed = closed.map(|code| end_kind(code, transaction)).transpose()?;
        Ok(PayoutState { transaction, wallet: WalletId(wallet_id), amount, closed, is_reversed })
    }
}

/// The kind of the step that has closed a hold or a payout.
fn end_kind(code: i16, transaction: OperationId) -> Result<Kind, DbError> {
    Kind::from_code(code).ok_or_else(|| DbError::Defect(format!("{transaction}: its end cannot be read")))
}

impl NamedHold {
    fn state(self, transaction: OperationId, expires_at: Timestamp) -> Result<HoldState, DbError> {
        let closed = self.closed.map(|code| end_kind(code, transaction)).transpose()?;
        let hold = Hold { transaction, wallet: WalletId(self.wallet_id), amount: self.amount, expires_at };
        Ok(HoldState { hold, closed })
    }
}

/// The wallets of which these operations book what is due, if something may be due there, and from when on.
fn waiting(wallets: &[WalletState], operations: &[&Operation]) -> (Vec<WalletId>, Vec<Timestamp>) {
    let mut waiting: Vec<(WalletId, Timestamp)> =
        wallets.iter().filter_map(|wallet| Some((wallet.id, wallet.next_due_at?))).collect();
    if !waiting.is_empty() {
        let settling = operations.iter().filter(|operation| operation.settles_due());
        let settling: HashSet<WalletId> = settling.map(|operation| operation.wallet).collect();
        waiting.retain(|(wallet, _)| settling.contains(wallet));
    }
    waiting.into_iter().unzip()
}

/// Completes the prior state of a batch, whose wallets have been read, by [`PRIOR_STATE`] or [`PRIOR_STATE_UNLOCKED`]. Answers
/// with it and with the batch's time: Postgres' clock, read under the locks.
pub async fn prior_state(
    conn: &mut PgConnection,
    statement: &'static str,
    wallets: Vec<WalletState>,
    operations: &[&Operation],
) -> Result<(PriorState, Timestamp), DbError> {
    let (of_steps, references): (Vec<ReferenceKey>, Vec<ReferenceKey>) =
        operations.iter().filter_map(|operation| operation.reference()).partition(is_of_step);
    let holds: Vec<OperationId> = operations.iter().filter_map(|operation| operation.hold()).collect();
    let payouts: Vec<OperationId> = operations.iter().filter_map(|operation| operation.payout()).collect();
    let keys: Vec<&KeyName> = operations.iter().filter_map(|o| Some(&o.key.as_ref()?.name)).collect();
    let (waiting, next_due_at) = waiting(&wallets, operations);
    let rows = sqlx::query(statement)
        .bind(references.iter().map(|key| key.wallet.0).collect::<Vec<_>>())
        .bind(references.iter().map(|key| key.kind.code()).collect::<Vec<_>>())
        .bind(references.iter().map(|key| key.reference.0).collect::<Vec<_>>())
        .bind(keys.iter().map(|key| key.actor.as_str()).collect::<Vec<_>>())
        .bind(keys.iter().map(|key| key.key.as_str()).collect::<Vec<_>>())
        .bind(waiting.iter().map(|wallet| wallet.0).collect::<Vec<_>>())
        .bind(next_due_at)
        .bind(of_steps.iter().map(|key| key.wallet.0).collect::<Vec<_>>())
        .bind(of_steps.iter().map(|key| key.reference.0).collect::<Vec<_>>())
        .bind(holds.iter().map(|hold| hold.0).collect::<Vec<_>>())
        .bind(payouts.iter().map(|payout| payout.0).collect::<Vec<_>>())
        .fetch_all(conn)
        .await?;
    let mut now = None;
    let mut prior = PriorState::from(wallets);
    let mut due = DueRows::default();
    for row in &rows {
        match row.try_get::<i16, _>("what")? {
            0 => now = Some(row.try_get("at")?),
            1 => {
                let Json(id) = row.try_get("payload")?;
                prior.used_references.push((*parameter(row, &references)?, OperationId(id)));
            }
            2 => prior.known_keys.push(((*parameter(row, &keys)?).clone(), known_key(row)?)),
            3 => due.push(*parameter(row, &waiting)?, row)?,
            4 => {
                let Json(id) = row.try_get("payload")?;
                prior.used_references.push((*parameter(row, &of_steps)?, OperationId(id)));
            }
            6 => {
                let Json::<NamedPayout>(named) = row.try_get("payload")?;
                prior.payouts.push(named.state(*parameter(row, &payouts)?)?);
            }
            _ => {
                let Json::<NamedHold>(named) = row.try_get("payload")?;
                prior.holds.push(named.state(*parameter(row, &holds)?, row.try_get("at")?)?);
            }
        }
    }
    let now = now.ok_or_else(|| DbError::Defect("prior state: no time came back".to_owned()))?;
    prior.due = due.into_due();
    Ok((prior, now))
}

/// Whether the reference is stored with a step.
fn is_of_step(key: &ReferenceKey) -> bool {
    key.kind == Kind::HoldCapture
}

/// The parameter that a row answers.
fn parameter<'a, T>(row: &PgRow, items: &'a [T]) -> Result<&'a T, DbError> {
    let number: i64 = row.try_get("n")?;
    let item = usize::try_from(number - 1).ok().and_then(|at| items.get(at));
    item.ok_or_else(|| DbError::Defect(format!("prior state: {number} was not asked for")))
}

fn known_key(row: &PgRow) -> Result<IdempotencyRecord, DbError> {
    let Json(KnownKey { request_hash, outcome, booked }) = row.try_get("payload")?;
    let mut hash = [0; 32];
    hex::decode_to_slice(request_hash, &mut hash)
        .map_err(|_| DbError::Defect("keys: request_hash cannot be read".to_owned()))?;
    let decision = match (outcome, booked) {
        (Some(record), _) => record.decision()?,
        (None, Some(booked)) => Ok(Done::Money(booked.receipt(row.try_get("at")?))),
        (None, None) => return Err(DbError::Defect("keys: a decision without its transaction".to_owned())),
    };
    Ok(IdempotencyRecord { request_hash: hash, decision })
}

impl Booked {
    fn receipt(self, occurred_at: Timestamp) -> Receipt {
        let Self { id, amount, fee, currency, version, due_at, buckets } = self;
        let balance = BalanceAfter { currency, buckets, version };
        Receipt { id: OperationId(id), occurred_at, amount, fee, due_at, balance }
    }
}
