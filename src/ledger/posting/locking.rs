//! Locking the wallets of a batch: in one order for every process, and without waiting for long.

use std::collections::HashSet;

use sqlx::PgConnection;

use super::{
    batch_end::Halt,
    blockers::{Blockers, Step},
    left_out::{LeftOut, leave_out},
    store,
};
use crate::{
    db::DbError,
    kernel::ids::WalletId,
    ledger::{operation::Operation, wallet_state::WalletState},
};

/// How a batch's wallets are locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Locking {
    /// All of them, each waited for in line, 250 ms at most.
    InLine,
    /// Those that no other session holds, without waiting.
    Free,
    /// This one is waited for in line, with no other lock held meanwhile; then as `Free`.
    After(WalletId),
}

/// Locks the wallets of a batch. Answers with those that exist and are locked, and with the operations that the batch goes on
/// without, because another session holds one of their wallets.
pub(super) async fn lock_wallets(
    conn: &mut PgConnection,
    batch: &[&Operation],
    locking: Locking,
    blockers: &mut Option<Blockers>,
    session: i32,
) -> Result<(Vec<WalletState>, Vec<LeftOut>), Halt> {
    let ids = wallets_of(batch);
    if let Locking::InLine = locking {
        return Ok((store::lock(conn, &ids).await.map_err(Halt::at_locks)?, Vec::new()));
    }
    if let Locking::After(wallet) = locking {
        let step = store::lock_one(conn, wallet);
        watched(blockers, session, (wallet, Step::Lock), step).await.map_err(Halt::at_locks)?;
    }
    let wallets = store::lock_free(conn, &ids).await.map_err(Halt::at_locks)?;
    if let Some(blockers) = blockers {
        wallets.iter().for_each(|wallet| blockers.is_free(wallet.id, Step::Lock));
    }
    let got: HashSet<WalletId> = wallets.iter().map(|wallet| wallet.id).collect();
    let missing: Vec<WalletId> = ids.into_iter().filter(|id| !got.contains(id)).collect();
    // A wallet that does not exist is held by no session.
    let held = if missing.is_empty() { missing } else { store::existing(conn, &missing).await? };
    Ok((wallets, leave_out(batch, &held)))
}

/// Runs a step that may wait for another session; where there are `blockers`, that session is named.
pub(super) async fn watched<T>(
    blockers: &mut Option<Blockers>,
    session: i32,
    what: (WalletId, Step),
    step: impl Future<Output = Result<T, DbError>>,
) -> Result<T, DbError> {
    match blockers {
        Some(blockers) => blockers.watch(session, what, step).await,
        None => step.await,
    }
}

/// The wallets of a batch, each once, in the order in which every process locks them.
fn wallets_of(batch: &[&Operation]) -> Vec<WalletId> {
    let mut ids: Vec<WalletId> = batch.iter().flat_map(|operation| operation.wallets()).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}
