//! Step 2, the prior state: the batch's time, and what the books know of its references and keys.

use serde::Deserialize;
use sqlx::{PgConnection, Row, postgres::PgRow, types::Json};
use uuid::Uuid;

use super::outcome_record::OutcomeRecord;
use crate::{
    db::DbError,
    kernel::{buckets::Buckets, clock::Timestamp, currency::Currency, ids::OperationId},
    ledger::{
        locks::log_lock,
        operation::{KeyName, ReferenceKey},
        outcome::{BalanceAfter, Done, IdempotencyRecord, Receipt},
        prior_state::PriorState,
        wallet_state::WalletState,
    },
};

/// The batch's time; then, with a JSON payload each, the references that are used up (`what` 1: the id of the transaction)
/// and the keys that have a stored decision (`what` 2: [`KnownKey`]), which is a transaction, a step of one, or an outcome of its
/// own. `n` says which of the parameters a row answers.
macro_rules! prior_state {
    ($($from:expr),*) => {
        concat!(
            "select 0::int2 as what, null::int8 as n, clock_timestamp() as at, null::jsonb as payload",
            $($from,)*
            "
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
               'currency', t.currency, 'version', e.version,
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
    offset 0) e on true"
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
    #[serde(flatten)]
    buckets: Buckets,
}

/// Completes the prior state of a batch, whose wallets have been read, by [`PRIOR_STATE`] or [`PRIOR_STATE_UNLOCKED`]. Answers
/// with it and with the batch's time: Postgres' clock, read under the locks.
pub async fn prior_state(
    conn: &mut PgConnection,
    statement: &'static str,
    wallets: Vec<WalletState>,
    references: &[ReferenceKey],
    keys: &[&KeyName],
) -> Result<(PriorState, Timestamp), DbError> {
    let rows = sqlx::query(statement)
        .bind(references.iter().map(|key| key.wallet.0).collect::<Vec<_>>())
        .bind(references.iter().map(|key| key.kind.code()).collect::<Vec<_>>())
        .bind(references.iter().map(|key| key.reference.0).collect::<Vec<_>>())
        .bind(keys.iter().map(|key| key.actor.as_str()).collect::<Vec<_>>())
        .bind(keys.iter().map(|key| key.key.as_str()).collect::<Vec<_>>())
        .fetch_all(conn)
        .await?;
    let mut now = None;
    let mut prior = PriorState::from(wallets);
    for row in &rows {
        match row.try_get::<i16, _>("what")? {
            0 => now = Some(row.try_get("at")?),
            1 => {
                let Json(id) = row.try_get("payload")?;
                prior.used_references.push((*asked(row, references)?, OperationId(id)));
            }
            _ => prior.known_keys.push(((*asked(row, keys)?).clone(), known_key(row)?)),
        }
    }
    let now = now.ok_or_else(|| DbError::Defect("prior state: no time came back".to_owned()))?;
    Ok((prior, now))
}

/// The parameter that a row answers.
fn asked<'a, T>(row: &PgRow, items: &'a [T]) -> Result<&'a T, DbError> {
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
        let Self { id, amount, fee, currency, version, buckets } = self;
        let balance = BalanceAfter { currency, buckets, version };
        Receipt { id: OperationId(id), occurred_at, amount, fee, balance }
    }
}
