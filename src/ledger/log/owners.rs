//! Whose a wallet is. A wallet's owner never changes, so a reader that has seen it need not ask again: a join for every row
//! of the log cost a tenth of Postgres's work for a transfer.

use std::collections::HashMap;

use quick_cache::unsync::Cache;
use sqlx::{PgConnection, Row};
use uuid::Uuid;

use crate::{
    db::DbError,
    kernel::ids::{CustomerXid, WalletId},
};

/// The owners of these wallets, as far as the wallets exist.
pub const OWNERS: &str = "select w.id, w.owner_xid from wallets w where w.id = any($1::uuid[])";

/// The maximum number of wallets whose owner is remembered. About 60 bytes each; the least used are evicted one by one.
const OWNERS_MAX: usize = 100_000;

/// The owners that were looked up before.
pub(super) struct Owners(Cache<WalletId, CustomerXid>);

impl Default for Owners {
    fn default() -> Self {
        Self(Cache::new(OWNERS_MAX))
    }
}

impl Owners {
    /// The owner of each wallet, in their order; none: there is no such wallet.
    pub(super) async fn of(
        &mut self,
        conn: &mut PgConnection,
        wallets: &[WalletId],
    ) -> Result<Vec<Option<CustomerXid>>, DbError> {
        let mut owners: Vec<Option<CustomerXid>> =
            wallets.iter().map(|wallet| self.0.get(wallet).copied()).collect();
        let mut unknown: Vec<Uuid> = wallets
            .iter()
            .zip(&owners)
            .filter(|(_, owner)| owner.is_none())
            .map(|(wallet, _)| wallet.0)
            .collect();
        if unknown.is_empty() {
            return Ok(owners);
        }
        unknown.sort_unstable();
        unknown.dedup();
        // Held beside the cache, which may evict what it is given at once.
        let found = look_up(conn, unknown).await?;
        for (wallet, owner) in wallets.iter().zip(&mut owners) {
            *owner = owner.or_else(|| found.get(wallet).copied());
        }
        found.into_iter().for_each(|(wallet, owner)| self.0.insert(wallet, owner));
        Ok(owners)
    }
}

async fn look_up(
    conn: &mut PgConnection,
    wallets: Vec<Uuid>,
) -> Result<HashMap<WalletId, CustomerXid>, DbError> {
    let rows = sqlx::query(OWNERS).bind(wallets).fetch_all(conn).await?;
    let found =
        rows.iter().map(|row| Ok((WalletId(row.try_get("id")?), CustomerXid(row.try_get("owner_xid")?))));
    found.collect()
}
