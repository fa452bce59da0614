//! Which wallets have something due.

use std::collections::BTreeMap;

use sqlx::{PgConnection, Row};
use uuid::Uuid;

use crate::{db::DbError, kernel::ids::WalletId};

/// The wallets of the releases and holds that are due, but for some, the oldest of each first; a wallet may come more than once.
pub const DUE_WALLETS: &str = "\
(select wallet_id from releases where closed_by is null and due_at <= now() and wallet_id <> all($2::uuid[])
 order by due_at limit $1)
union all
(select wallet_id from holds where closed_by is null and expires_at <= now() and wallet_id <> all($2::uuid[])
 order by expires_at limit $1)";

/// Wallets with something due, but for those `left_out`, and the number of items that were found of each: at most `limit` releases,
/// and the same of holds.
pub async fn due_wallets(
    conn: &mut PgConnection,
    limit: i64,
    left_out: Vec<WalletId>,
) -> Result<BTreeMap<WalletId, usize>, DbError> {
    let left_out: Vec<Uuid> = left_out.into_iter().map(|wallet| wallet.0).collect();
    let rows = sqlx::query(DUE_WALLETS).bind(limit).bind(left_out).fetch_all(conn).await?;
    let mut wallets = BTreeMap::new();
    for row in &rows {
        *wallets.entry(WalletId(row.try_get(0)?)).or_default() += 1;
    }
    Ok(wallets)
}
