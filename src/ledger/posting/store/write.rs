//! Step 4, the write: a batch as arrays. A count that is short is a defect, but for keys: another batch had one first.

use std::sync::LazyLock;

use sqlx::{PgConnection, Row, postgres::PgRow};

use super::{
    columns::Columns,
    rows::{
        Adjustments, Balances, Closings, Entries, Holds, Keys, PayoutChanges, Payouts, Releases,
        StatusChanges, Statuses, Steps, Transactions,
    },
};
use crate::{db::DbError, fail_point::fail_point, ledger::book::Changes};

/// Step 4, the keys, transactions, entries and wallets as arrays; answers with the number of rows of each. Keys go in
/// sorted, so that two batches with the same ones cannot deadlock. They are not guarded by wallet locks: fewer of them
/// than asked for means that another batch answered one in the meantime.
pub static WRITE: LazyLock<String> = LazyLock::new(|| {
    let (k, t, e) = (Keys::COLUMNS.len(), Transactions::COLUMNS.len(), Entries::COLUMNS.len());
    format!(
        "\
with k as (
    insert into keys ({keys})
    select {keys} from {new_keys}
    order by u.actor, u.key
    on conflict do nothing
    returning 1),
t as (
    insert into transactions ({transactions})
    select {transactions} from {new_transactions}
    returning 1),
e as (
    insert into entries ({entries})
    select {entries} from {new_entries}
    order by u.ordinal
    returning 1),
w as (
    update wallets w
    set available = u.available, held = u.held, unreleased = u.unreleased, version = u.version,
        head_hash = u.head_hash, last_entry_at = u.last_entry_at, next_due_at = u.next_due_at
    from {balances}
    where w.id = any(${ids}::uuid[]) and w.id = u.id and w.version = u.version_before
    returning 1)
select (select count(*) from k), (select count(*) from t), (select count(*) from e), (select count(*) from w)",
        keys = Keys::names(""),
        new_keys = Keys::table("u", 0),
        transactions = Transactions::names(""),
        new_transactions = Transactions::table("u", k),
        entries = Entries::names(""),
        new_entries = Entries::table("u", k + t),
        balances = Balances::table("u", k + t + e),
        ids = k + t + e + 1,
    )
});

/// Step 4, the status, only when a batch changes one.
pub static WRITE_STATUS: LazyLock<String> = LazyLock::new(|| {
    let c = StatusChanges::COLUMNS.len();
    format!(
        "\
with c as (
    insert into status_changes ({changes})
    select {changes} from {new_changes}
    order by u.ordinal
    returning 1),
w as (
    update wallets w
    set status = u.status, status_version = u.status_version, frozen_at = u.frozen_at,
        enabled_at = u.enabled_at, disabled_at = u.disabled_at
    from {statuses}
    where w.id = any(${ids}::uuid[]) and w.id = u.id and w.status_version = u.status_version_before
    returning 1)
select (select count(*) from c), (select count(*) from w)",
        changes = StatusChanges::names(""),
        new_changes = StatusChanges::table("u", 0),
        statuses = Statuses::table("u", c),
        ids = c + 1,
    )
});

/// Step 4, who made adjustments and why, only when a batch has some.
pub static WRITE_ADJUSTMENTS: LazyLock<String> = LazyLock::new(|| {
    format!(
        "\
with a as (
    insert into adjustments ({names})
    select {names} from {adjustments}
    returning 1)
select count(*) from a",
        names = Adjustments::names(""),
        adjustments = Adjustments::table("u", 0),
    )
});

/// Step 4, the steps of transactions and the money that waits, only when a batch has some. `num_nulls`, because `is null` would
/// let Postgres take one of the partial indexes of open releases and walk through all of them.
pub static WRITE_WAITING: LazyLock<String> = LazyLock::new(|| {
    let (s, r, h, c) =
        (Steps::COLUMNS.len(), Releases::COLUMNS.len(), Holds::COLUMNS.len(), Closings::COLUMNS.len());
    let close = |table: &str, bound: usize| {
        format!(
            "update {table} o set closed_by = u.closed_by
    from {closings}
    where o.transaction_id = any(${ids}::uuid[]) and o.transaction_id = u.transaction_id and num_nulls(o.closed_by) = 1
    returning 1",
            closings = Closings::table("u", bound),
            ids = bound + 1,
        )
    };
    format!(
        "\
with s as (
    insert into steps ({steps})
    select {steps} from {new_steps}
    returning 1),
r as (
    insert into releases ({releases})
    select {releases} from {new_releases}
    returning 1),
h as (
    insert into holds ({holds})
    select {holds} from {new_holds}
    returning 1),
cr as (
    {close_releases}),
ch as (
    {close_holds})
select (select count(*) from s), (select count(*) from r), (select count(*) from h), (select count(*) from cr),
       (select count(*) from ch)",
        steps = Steps::names(""),
        new_steps = Steps::table("u", 0),
        releases = Releases::names(""),
        new_releases = Releases::table("u", s),
        holds = Holds::names(""),
        new_holds = Holds::table("u", s + r),
        close_releases = close("releases", s + r + h),
        close_holds = close("holds", s + r + h + c),
    )
});

/// Step 4, payouts, only when a batch has some: with each that begins, the row by which the worker finds it; a row of the
/// worker's that exists is never touched. What a payout has once does not change.
pub static WRITE_PAYOUTS: LazyLock<String> = LazyLock::new(|| {
    let p = Payouts::COLUMNS.len();
    format!(
        "\
with p as (
    insert into payouts ({names})
    select {names} from {payouts}
    returning transaction_id),
a as (
    insert into payout_attempts (transaction_id) select transaction_id from p
    returning 1),
c as (
    update payouts o
    set closed_by = coalesce(o.closed_by, u.closed_by), reversed_by = coalesce(o.reversed_by, u.reversed_by),
        failure_code = coalesce(u.failure_code, o.failure_code)
    from {changes}
    where o.transaction_id = any(${ids}::uuid[]) and o.transaction_id = u.transaction_id
      and num_nonnulls(o.closed_by, u.closed_by) = 1 and num_nonnulls(o.reversed_by, u.reversed_by) < 2
    returning 1)
select (select count(*) from p), (select count(*) from a), (select count(*) from c)",
        names = Payouts::names(""),
        payouts = Payouts::table("u", 0),
        changes = PayoutChanges::table("u", p),
        ids = p + 1,
    )
});

/// Writes a batch. Anything but the expected number of rows is a defect, and the caller rolls back.
pub async fn write(conn: &mut PgConnection, changes: &Changes) -> Result<(), DbError> {
    let Changes { keys, transactions, entries, wallets, status_changes, statuses, adjustments, .. } = changes;
    let Changes { steps, releases, closed_releases, placed_holds, closed_holds, .. } = changes;
    if !keys.is_empty() || !entries.is_empty() {
        let query = Keys::bind(sqlx::query(WRITE.as_str()), keys);
        let query = Entries::bind(Transactions::bind(query, transactions), entries);
        let written = Balances::bind(query, wallets).fetch_one(&mut *conn).await?;
        if usize::try_from(written.try_get::<i64, _>(0)?) != Ok(keys.len()) {
            return Err(DbError::Contention("another batch answered a key of this one".to_owned()));
        }
        expect(&written, [keys.len(), transactions.len(), entries.len(), wallets.len()])?;
        fail_point("write.money");
    }
    if !status_changes.is_empty() {
        let query = StatusChanges::bind(sqlx::query(WRITE_STATUS.as_str()), status_changes);
        let written = Statuses::bind(query, statuses).fetch_one(&mut *conn).await?;
        expect(&written, [status_changes.len(), statuses.len()])?;
        fail_point("write.status");
    }
    if !steps.is_empty() || !releases.is_empty() || !placed_holds.is_empty() {
        let query = Releases::bind(Steps::bind(sqlx::query(WRITE_WAITING.as_str()), steps), releases);
        let query = Closings::bind(Holds::bind(query, placed_holds), closed_releases);
        let written = Closings::bind(query, closed_holds).fetch_one(&mut *conn).await?;
        let closed = (closed_releases.len(), closed_holds.len());
        expect(&written, [steps.len(), releases.len(), placed_holds.len(), closed.0, closed.1])?;
        fail_point("write.waiting");
    }
    let Changes { requested_payouts, payout_changes, .. } = changes;
    if !requested_payouts.is_empty() || !payout_changes.is_empty() {
        let query = Payouts::bind(sqlx::query(WRITE_PAYOUTS.as_str()), requested_payouts);
        let written = PayoutChanges::bind(query, payout_changes).fetch_one(&mut *conn).await?;
        expect(&written, [requested_payouts.len(), requested_payouts.len(), payout_changes.len()])?;
        fail_point("write.payouts");
    }
    if !adjustments.is_empty() {
        let query = Adjustments::bind(sqlx::query(WRITE_ADJUSTMENTS.as_str()), adjustments);
        expect(&query.fetch_one(conn).await?, [adjustments.len()])?;
    }
    Ok(())
}

fn expect<const N: usize>(row: &PgRow, rows: [usize; N]) -> Result<(), DbError> {
    for (column, expected) in rows.into_iter().enumerate() {
        let written: i64 = row.try_get(column)?;
        if usize::try_from(written) != Ok(expected) {
            return Err(DbError::Defect(format!(
                "write: {written} rows in part {column}, {expected} expected"
            )));
        }
    }
    Ok(())
}
