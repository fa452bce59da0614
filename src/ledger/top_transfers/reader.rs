//! Reading the largest transfers, exact at every moment: the wallet's stored lists, and its entries since then.

use std::collections::HashMap;

use super::{
    lists::{Movement, TopTransfers},
    pending::PendingEntries,
    store::{self, SCAN_MAX, Unfolded},
};
use crate::{
    db::{Connection, DbError, Pool, ask, with_connection_timeout},
    kernel::ids::WalletId,
    ledger::{error::LedgerError, read::HistoryItem},
};

/// The maximum number of folds that a read makes for the follower, where more entries are unfolded than may be looked at.
const INLINE_FOLDS_MAX: usize = 4;

/// The largest transfers of a wallet at one of its versions, the largest first, of equals the newest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LargestTransfers {
    pub version: i64,
    /// Deposits count.
    pub incoming: Vec<HistoryItem>,
    /// Withdrawals count, but not those that were refused.
    pub outgoing: Vec<HistoryItem>,
}

impl Unfolded {
    /// The largest of the entries 1 to some version, and that version.
    fn fold(mut self) -> (i64, TopTransfers) {
        self.lists.fold(self.through, &self.amounts);
        (self.through + i64::try_from(self.amounts.len()).unwrap_or_default(), self.lists)
    }
}

/// The largest transfers of a wallet, at most `limit` each way. [`LedgerError::Unavailable`] where so much is not folded yet
/// that even helping does not end it; each attempt brings the next one nearer.
pub async fn largest(db: &Pool, wallet: WalletId, limit: u16) -> Result<LargestTransfers, LedgerError> {
    let found = ask(db, |db| async move {
        let mut conn = db.get_postgres_connection_pool().acquire().await?;
        for _ in 0..=INLINE_FOLDS_MAX {
            let Some(unfolded) = store::unfolded(&mut conn, wallet, i64::MAX).await? else {
                return Ok(LargestTransfers::default());
            };
            let head = unfolded.head;
            let (version, top) = unfolded.fold();
            if version == head {
                return lines(&mut conn, wallet, version, top, usize::from(limit)).await;
            }
            store::upsert(&mut conn, wallet, version, &top).await?;
            metrics::counter!("wallet_top_transfers_helps_total").increment(1);
        }
        Err(DbError::Contention(format!("wallet {wallet}: more than {SCAN_MAX} entries are not folded yet")))
    });
    Ok(found.await?)
}

/// The movements as lines of the wallet's history. Entries never change, so these may be read a moment later.
async fn lines(
    conn: &mut Connection,
    wallet: WalletId,
    version: i64,
    top: TopTransfers,
    limit: usize,
) -> Result<LargestTransfers, DbError> {
    let TopTransfers { mut incoming, mut outgoing } = top;
    incoming.truncate(limit);
    outgoing.truncate(limit);
    let versions: Vec<i64> = incoming.iter().chain(&outgoing).map(|movement| movement.version).collect();
    let found = store::load_items(conn, wallet, &versions).await?;
    let mut lines: HashMap<i64, HistoryItem> = found.into_iter().map(|line| (line.version, line)).collect();
    let mut in_order = |movements: Vec<Movement>| -> Result<Vec<HistoryItem>, DbError> {
        let line = |movement: Movement| {
            let missing =
                || DbError::Defect(format!("wallet {wallet}: entry {} is missing", movement.version));
            lines.remove(&movement.version).ok_or_else(missing)
        };
        movements.into_iter().map(line).collect()
    };
    Ok(LargestTransfers { version, incoming: in_order(incoming)?, outgoing: in_order(outgoing)? })
}

/// Brings a wallet's stored lists to the end of a stretch of its entries, of which `pending` has the amounts. Where the
/// stored lists end before the stretch begins, what lies between is read from the books.
pub(super) async fn fold_pending(
    conn: &mut Connection,
    wallet: WalletId,
    pending: &PendingEntries,
) -> Result<(), DbError> {
    // Up to version 0: the stored lists, and no entries.
    let Some(Unfolded { through, mut lists, .. }) =
        with_connection_timeout(store::unfolded(conn, wallet, 0)).await?
    else {
        return Ok(());
    };
    if through >= pending.end() {
        return Ok(());
    }
    let news = usize::try_from(through - pending.after).ok().and_then(|known| pending.amounts.get(known..));
    let Some(news) = news else { return fold(conn, wallet, pending.end()).await };
    lists.fold(through, news);
    with_connection_timeout(store::upsert(conn, wallet, pending.end(), &lists)).await?;
    metrics::counter!("wallet_top_transfers_folds_total").increment(1);
    Ok(())
}

/// Brings a wallet's stored lists to this version at least.
async fn fold(conn: &mut Connection, wallet: WalletId, up_to: i64) -> Result<(), DbError> {
    loop {
        let unfolded = with_connection_timeout(store::unfolded(conn, wallet, up_to)).await?;
        let Some(unfolded) = unfolded.filter(|found| found.through < up_to.min(found.head)) else {
            return Ok(());
        };
        let (version, top) = unfolded.fold();
        with_connection_timeout(store::upsert(conn, wallet, version, &top)).await?;
        metrics::counter!("wallet_top_transfers_folds_total").increment(1);
    }
}
