//! Reading a wallet: from the cache where it may answer, otherwise from Postgres.

use std::sync::LazyLock;

use metrics::{Counter, counter};

use super::{error::AccountError, views::shown};
use crate::{
    cache::{BalanceCache, Freshness, Lookup, WalletView},
    db::Database,
    kernel::{clock::Clock, ids::WalletId},
    ledger::wallets,
};

/// Counters of reads by their source, resolved once: resolving a series costs more than the rest of counting a read.
static FROM_CACHE: LazyLock<Counter> =
    LazyLock::new(|| counter!("wallet_balance_reads_total", "from" => "cache"));
static FROM_POSTGRES: LazyLock<Counter> =
    LazyLock::new(|| counter!("wallet_balance_reads_total", "from" => "postgres"));

/// Where a wallet is read from.
pub(super) struct Sources<'a> {
    pub(super) db: &'a dyn Database,
    pub(super) cache: &'a dyn BalanceCache,
    pub(super) freshness: &'a Freshness,
    pub(super) clock: &'a dyn Clock,
}

impl Sources<'_> {
    /// A wallet with its balance, whatever its status; `at_least` is the oldest version that the reader accepts.
    pub(super) async fn view(
        &self,
        wallet: WalletId,
        at_least: Option<i64>,
    ) -> Result<WalletView, AccountError> {
        let new_enough = |view: &WalletView| at_least.is_none_or(|version| view.money.version >= version);
        let may_be_shown = |view: &WalletView| {
            let next_release = view.money.next_release.at();
            new_enough(view) && next_release.is_none_or(|release_at| self.clock.now() < release_at)
        };
        let mut ticket = None;
        if self.freshness.cache_may_answer() {
            match self.cache.get(wallet).await {
                // Judged again after the answer: the process may have been suspended while the cache was read.
                Ok(Lookup::Hit(view)) if may_be_shown(&view) && self.freshness.cache_may_answer() => {
                    FROM_CACHE.increment(1);
                    return Ok(view);
                }
                Ok(Lookup::Miss(taken)) => ticket = Some(taken),
                // Too old for this reader, or older than a release. An unavailable cache is no error of the reader's: the
                // cache has counted and logged it.
                Ok(Lookup::Hit(_)) | Err(_) => {}
            }
        }
        let found = wallets::wallet(self.db.pool(), wallet).await?;
        let found = found.ok_or(AccountError::NotFound)?;
        let view = shown(&found);
        FROM_POSTGRES.increment(1);
        if !new_enough(&view) {
            return Err(AccountError::VersionNotReached { current: view.money.version });
        }
        if let Some(ticket) = ticket.filter(|_| found.due == 0) {
            let _ = self.cache.fill(&[(ticket, view)]).await;
        }
        Ok(view)
    }
}
