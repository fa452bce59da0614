//! Which wallets have something due.

use sqlx::{PgConnection, Row};

use crate::{db::DbError, kernel::ids::WalletId};

/// The wallets of the releases and holds that are due, the oldest of each first; a wallet may come more than once.
pub const DUE_WALLETS: &str = "\
(select wallet_id from releases where closed_by is null and due_at <= now() order by due_at limit $1)
union all
(select wallet_id from holds where closed_by is null and expires_at <= now() order by expires_at limit $1)";

/// At most `limit` wallets with something due, each once.
pub async fn due_wallets(conn: &mut PgConnection, limit: i64) -> Result<Vec<WalletId>, DbError> {
    let rows = sqlx::query(DUE_WALLETS).bind(limit).fetch_all(conn).await?;
    let mut wallets: Vec<WalletId> =
        rows.iter().map(|row| row.try_get(0).map(WalletId)).collect::<Result<_, _>>()?;
    wallets.sort_unstable();
    wallets.dedup();
    Ok(wallets)
}
