//! Every statement of the posting loop. They are meant for the batch writer's own connection ([`connect`]): prepared once, run
//! with the generic plan, and never by a sequential scan, so that a fresh database is as fast as an old one.
//! `docs/decisions/0003-the-loops-statements.md` says why each has the shape it has.

mod clock;
mod columns;
mod contention;
mod due_rows;
mod outcome_record;
mod prior;
mod proof;
mod rows;
mod sweep;
mod write;

use std::str::FromStr;

use sqlx::{PgConnection, Row, postgres::PgRow};
use uuid::Uuid;

pub use self::{
    clock::{ACCEPTED_AT, EntryAhead, accept_clock, clock_accepted_at, entry_ahead},
    contention::{Blocker, EXISTING, LOCK_ONE, blockers, connect_to_look, existing, lock_one, session_id},
    prior::{PRIOR_STATE, PRIOR_STATE_UNLOCKED, prior_state},
    proof::{IS_ENTRY_BOOKED, IS_KEY_STORED, IS_STATUS_CHANGED, IS_STEP_BOOKED, is_committed},
    sweep::{SWEEP_KEYS, sweep_keys},
    write::{WRITE, WRITE_ADJUSTMENTS, WRITE_PAYOUTS, WRITE_STATUS, WRITE_WAITING, write},
};
use crate::{
    db::{DbError, commit_durably, open, session_options},
    kernel::{buckets::Buckets, currency::Currency, ids::WalletId, status::Status},
    ledger::wallet_state::WalletState,
};

/// Wallets by their ids, as [`wallet_state`] reads them.
macro_rules! wallets_by_id {
    ($end:literal) => {
        concat!(
            "select id, currency, status, frozen_at, status_version, enabled_at, disabled_at,
       available, held, unreleased, version, head_hash, last_entry_at, next_due_at
from wallets where id = any($1::uuid[])",
            $end
        )
    };
}

/// Step 1, in the order of the ids: batches of any number of processes cannot deadlock.
pub const LOCK: &str = wallets_by_id!(" order by id for no key update");

/// Step 1 after a lock timeout: without waiting. What another session holds is left out.
pub const LOCK_FREE: &str = wallets_by_id!(" order by id for no key update skip locked");

/// The batch writer's connection. A backend whose client is gone ends by itself, and lets go of its locks.
pub async fn connect(url: &str) -> Result<PgConnection, DbError> {
    let options = session_options(url, "wallet posting loop")?.options([
        ("plan_cache_mode", "force_generic_plan"),
        ("enable_seqscan", "off"),
        ("jit", "off"),
        ("lock_timeout", "250"),
        ("idle_in_transaction_session_timeout", "2500"),
        ("client_connection_check_interval", "500"),
    ]);
    let mut conn = open(options).await?;
    commit_durably(&mut conn).await?;
    Ok(conn)
}

/// Runs a statement of transaction control: `begin`, `commit`, `rollback`.
pub async fn control(conn: &mut PgConnection, statement: &'static str) -> Result<(), DbError> {
    sqlx::raw_sql(statement).execute(conn).await?;
    Ok(())
}

/// Wallets without a lock, for a dry run.
pub const READ: &str = wallets_by_id!("");

/// Reads wallets without locking them; those that do not exist are left out.
pub async fn read(conn: &mut PgConnection, ids: &[WalletId]) -> Result<Vec<WalletState>, DbError> {
    wallets_by(READ, conn, ids).await
}

/// Locks and reads wallets; those that do not exist are left out. Waits for other sessions for 250 ms at most
/// ([`DbError::Locked`]).
pub async fn lock(conn: &mut PgConnection, ids: &[WalletId]) -> Result<Vec<WalletState>, DbError> {
    wallets_by(LOCK, conn, ids).await
}

/// [`lock`] without waiting: the wallets that another session holds are left out as well.
pub async fn lock_free(conn: &mut PgConnection, ids: &[WalletId]) -> Result<Vec<WalletState>, DbError> {
    wallets_by(LOCK_FREE, conn, ids).await
}

async fn wallets_by(
    sql: &'static str,
    conn: &mut PgConnection,
    ids: &[WalletId],
) -> Result<Vec<WalletState>, DbError> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let rows = sqlx::query(sql).bind(ids).fetch_all(conn).await?;
    rows.iter().map(wallet_state).collect()
}

fn wallet_state(row: &PgRow) -> Result<WalletState, DbError> {
    let unreadable = |what: &str| DbError::Defect(format!("wallets: {what} cannot be read"));
    let hash: &[u8] = row.try_get("head_hash")?;
    Ok(WalletState {
        id: WalletId(row.try_get("id")?),
        currency: Currency::from_str(row.try_get("currency")?).map_err(|_| unreadable("currency"))?,
        status: Status::from_code(row.try_get("status")?).ok_or_else(|| unreadable("status"))?,
        frozen_at: row.try_get("frozen_at")?,
        status_version: row.try_get("status_version")?,
        enabled_at: row.try_get("enabled_at")?,
        disabled_at: row.try_get("disabled_at")?,
        buckets: Buckets {
            available: row.try_get("available")?,
            held: row.try_get("held")?,
            unreleased: row.try_get("unreleased")?,
        },
        version: row.try_get("version")?,
        head_hash: hash.try_into().map_err(|_| unreadable("head_hash"))?,
        last_entry_at: row.try_get("last_entry_at")?,
        next_due_at: row.try_get("next_due_at")?,
    })
}
