//! Every statement on `payout_attempts`, which only the worker and operators change. Each is committed by itself.

use std::time::Duration;

use sea_orm::{ConnectionTrait, DbBackend, QueryResult, Statement, Value};
use serde_json::json;
use uuid::Uuid;

use super::{
    attempt::{Claimed, Progress},
    bank::PayoutInstruction,
    payout::{ListedPayout, NamedPayout, PayoutRef},
};
use crate::{
    db::{DbError, Pool, ask},
    kernel::{
        bank_account::{AccountName, AccountNumber, BankAccount, BankCode},
        clock::Timestamp,
        currency::Currency,
        ids::{OperationId, WalletId},
    },
};

/// Takes payouts whose time has come and that no process works on. One that was never submitted counts as submitted from now on,
/// because this process may be killed right after the bank has got it; not so while its wallet is frozen, or when it has ended.
pub const CLAIM: &str = "\
with next as (
    select a.transaction_id, a.submissions = 0 as is_first from payout_attempts a
    where not a.is_done and not a.needs_attention and a.next_attempt_at <= now()
      and (a.leased_until is null or a.leased_until < now())
    order by a.next_attempt_at limit $1
    for update skip locked),
named as (
    select p.*, n.is_first, t.currency, w.frozen_at is not null as is_frozen, t.created_at
    from next n
    cross join lateral (select * from payouts p where p.transaction_id = n.transaction_id offset 0) p
    cross join lateral (select * from transactions t where t.id = n.transaction_id offset 0) t
    cross join lateral (select * from wallets w where w.id = p.wallet_id offset 0) w)
update payout_attempts a
set lease = $2::uuid, leased_until = now() + $3::int8 * interval '1 millisecond',
    submissions = case when n.is_first and not n.is_frozen and n.closed_by is null then 1 else a.submissions end
from named n
where a.transaction_id = any(array(select transaction_id from next)) and a.transaction_id = n.transaction_id
returning n.transaction_id, n.wallet_id, n.amount, n.currency, n.bank_code, n.account_number, n.account_name, n.is_frozen,
          n.closed_by is not null as is_closed, n.is_first, a.failures,
          (extract(epoch from now() - n.created_at) * 1000)::int8 as age_ms";

/// Writes what attempts have come to, if the claim is still this process's. What the bank has reported meanwhile stays.
pub const FINISH: &str = "\
update payout_attempts a
set lease = null, leased_until = null, is_done = a.is_done or u.is_done,
    needs_attention = a.needs_attention or u.needs_attention, failures = u.failures,
    submissions = a.submissions - case when u.surely_unsent and a.submissions = 1 then 1 else 0 end,
    next_attempt_at = now() + u.delay_ms * interval '1 millisecond', last_answer = case when a.needs_attention then a.last_answer else coalesce(u.answer, a.last_answer) end
from jsonb_to_recordset($1::jsonb) u(
    id uuid, lease uuid, is_done bool, needs_attention bool, surely_unsent bool, failures int, delay_ms int8, answer text)
where a.transaction_id = any($2::uuid[]) and a.transaction_id = u.id and a.lease = u.lease";

/// How many payouts wait, as far as the limit.
pub const WAITING: &str = "\
select count(*) from (
    select from payout_attempts where not is_done and not needs_attention limit $1) a";

/// A payout, whether the bank may have it, and whether the books have its end.
pub const NAMED: &str = "\
select p.wallet_id, p.amount, a.submissions > 0 as is_submitted, p.closed_by is not null as is_closed
from payouts p join payout_attempts a on a.transaction_id = p.transaction_id
where p.transaction_id = $1::uuid";

/// The bank has said how it ended, and the books have it.
pub const DONE: &str =
    "update payout_attempts set is_done = true, last_answer = $2 where transaction_id = $1::uuid";

/// Nothing more is sent or booked by itself.
pub const NEEDS_ATTENTION: &str = "\
update payout_attempts set needs_attention = true, last_answer = $2 where transaction_id = $1::uuid";

/// Payouts that are open, or need attention; the oldest first.
pub const LIST: &str = "\
select a.transaction_id, p.wallet_id, p.amount, t.currency, p.bank_code, right(p.account_number, 4) as last4,
       t.created_at, a.submissions, a.failures, a.needs_attention, a.last_answer
from payout_attempts a
join payouts p on p.transaction_id = a.transaction_id
join transactions t on t.id = a.transaction_id
where (a.needs_attention or not $1 and not a.is_done)
order by a.transaction_id limit $2";

/// The worker takes it up again, unless it is done.
pub const RETRY: &str = "\
update payout_attempts set needs_attention = false, failures = 0, next_attempt_at = now()
where transaction_id = $1::uuid and needs_attention
returning 1";

/// Keeps the worker away from a payout, so that an operator can end it: only one that no process works on, and that the bank has
/// never got or about which the worker has given up.
pub const HOLD_BACK: &str = "\
update payout_attempts set needs_attention = true, last_answer = $2
where transaction_id = $1::uuid and (needs_attention or submissions = 0 and not is_done)
  and (leased_until is null or leased_until < now())
returning 1";

/// An operator has ended it.
pub const ENDED: &str = "\
update payout_attempts set needs_attention = false, is_done = true, last_answer = $2 where transaction_id = $1::uuid";

fn statement<const N: usize>(sql: &'static str, values: [Value; N]) -> Statement {
    Statement::from_sql_and_values(DbBackend::Postgres, sql, values)
}

/// Takes at most this number of payouts for this time.
pub async fn claim(db: &Pool, at_most: usize, ttl: Duration) -> Result<Vec<Claimed>, DbError> {
    let lease = Uuid::new_v4();
    let at_most = i64::try_from(at_most).unwrap_or(i64::MAX);
    let ttl = i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX);
    ask(db, move |db| async move {
        let rows = db.query_all_raw(statement(CLAIM, [at_most.into(), lease.into(), ttl.into()])).await?;
        rows.iter().map(|row| claimed(row, lease)).collect()
    })
    .await
}

fn claimed(row: &QueryResult, lease: Uuid) -> Result<Claimed, DbError> {
    let id: Uuid = row.try_get("", "transaction_id")?;
    let unreadable = |column: &str| DbError::Defect(format!("payout {id}: {column} cannot be read"));
    let text = |column: &str| row.try_get::<String>("", column);
    let account = BankAccount {
        bank_code: BankCode::try_new(&text("bank_code")?).ok_or_else(|| unreadable("bank_code"))?,
        number: AccountNumber::try_new(&text("account_number")?)
            .ok_or_else(|| unreadable("account_number"))?,
        holder: AccountName::try_new(&text("account_name")?).ok_or_else(|| unreadable("account_name"))?,
    };
    let currency: Currency = text("currency")?.parse().map_err(|_| unreadable("currency"))?;
    let age_ms: i64 = row.try_get("", "age_ms")?;
    Ok(Claimed {
        lease,
        instruction: PayoutInstruction {
            id: OperationId(id),
            amount: row.try_get("", "amount")?,
            currency,
            account,
        },
        wallet: WalletId(row.try_get("", "wallet_id")?),
        is_first: row.try_get("", "is_first")?,
        is_frozen: row.try_get("", "is_frozen")?,
        is_closed: row.try_get("", "is_closed")?,
        failures: u32::try_from(row.try_get::<i32>("", "failures")?).unwrap_or_default(),
        age: Duration::from_millis(u64::try_from(age_ms).unwrap_or_default()),
    })
}

/// Writes what attempts have come to.
pub async fn finish(db: &Pool, progress: &[Progress]) -> Result<(), DbError> {
    let ids: Vec<String> = progress.iter().map(|one| one.id.to_string()).collect();
    // An array as text, which Postgres casts.
    let ids = format!("{{{}}}", ids.join(","));
    execute(db, statement(FINISH, [json!(progress).into(), ids.into()])).await
}

/// How many payouts wait, at most `limit`.
pub async fn waiting(db: &Pool, limit: i64) -> Result<i64, DbError> {
    ask(db, move |db| async move {
        let row = db.query_one_raw(statement(WAITING, [limit.into()])).await?;
        row.map_or(Ok(0), |row| Ok(row.try_get_by_index(0)?))
    })
    .await
}

/// A payout by its id; none: there is none.
pub async fn named(db: &Pool, id: OperationId) -> Result<Option<NamedPayout>, DbError> {
    ask(db, move |db| async move {
        let row = db.query_one_raw(statement(NAMED, [id.0.into()])).await?;
        row.map(|row| {
            Ok(NamedPayout {
                payout: PayoutRef {
                    id,
                    wallet: WalletId(row.try_get("", "wallet_id")?),
                    amount: row.try_get("", "amount")?,
                },
                is_submitted: row.try_get("", "is_submitted")?,
                is_closed: row.try_get("", "is_closed")?,
            })
        })
        .transpose()
    })
    .await
}

/// Marks a payout whose end the books have.
pub async fn done(db: &Pool, id: OperationId, answer: String) -> Result<(), DbError> {
    execute(db, statement(DONE, [id.0.into(), answer.into()])).await
}

/// Marks a payout for an operator.
pub async fn needs_attention(db: &Pool, id: OperationId, answer: String) -> Result<(), DbError> {
    execute(db, statement(NEEDS_ATTENTION, [id.0.into(), answer.into()])).await
}

/// Marks a payout that an operator has ended.
pub async fn ended(db: &Pool, id: OperationId, answer: String) -> Result<(), DbError> {
    execute(db, statement(ENDED, [id.0.into(), answer.into()])).await
}

/// Payouts that need attention, or all that are open; at most `limit`, the oldest first.
pub async fn list(db: &Pool, only_needing_attention: bool, limit: i64) -> Result<Vec<ListedPayout>, DbError> {
    ask(db, move |db| async move {
        let list = statement(LIST, [only_needing_attention.into(), limit.into()]);
        db.query_all_raw(list).await?.iter().map(listed).collect()
    })
    .await
}

fn listed(row: &QueryResult) -> Result<ListedPayout, DbError> {
    Ok(ListedPayout {
        payout: PayoutRef {
            id: OperationId(row.try_get("", "transaction_id")?),
            wallet: WalletId(row.try_get("", "wallet_id")?),
            amount: row.try_get("", "amount")?,
        },
        currency: row.try_get("", "currency")?,
        bank_code: row.try_get("", "bank_code")?,
        account_last4: row.try_get("", "last4")?,
        requested_at: row.try_get::<Timestamp>("", "created_at")?,
        submissions: row.try_get("", "submissions")?,
        failures: row.try_get("", "failures")?,
        needs_attention: row.try_get("", "needs_attention")?,
        last_answer: row.try_get("", "last_answer")?,
    })
}

/// False: it needs no attention, or does not exist.
pub async fn retry(db: &Pool, id: OperationId) -> Result<bool, DbError> {
    is_changed(db, statement(RETRY, [id.0.into()])).await
}

/// False: a process works on it, or the bank may have it and the worker goes on.
pub async fn hold_back(db: &Pool, id: OperationId, answer: String) -> Result<bool, DbError> {
    is_changed(db, statement(HOLD_BACK, [id.0.into(), answer.into()])).await
}

async fn is_changed(db: &Pool, change: Statement) -> Result<bool, DbError> {
    ask(db, move |db| async move { Ok(db.query_one_raw(change).await?.is_some()) }).await
}

async fn execute(db: &Pool, change: Statement) -> Result<(), DbError> {
    ask(db, move |db| async move {
        db.execute_raw(change).await?;
        Ok(())
    })
    .await
}
