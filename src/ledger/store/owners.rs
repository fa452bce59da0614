//! Whose wallets these are. A wallet never changes hands.

use sqlx::{PgConnection, Row};
use uuid::Uuid;

use crate::{
    db::DbError,
    kernel::ids::{WalletId, Xid},
};

/// The customers' xids; wallets that do not exist are left out.
pub const OWNERS: &str = "\
select w.id, o.xid
from unnest($1::uuid[]) k(id)
cross join lateral (select * from wallets w where w.id = k.id offset 0) w
cross join lateral (select * from customers c where c.id = w.customer_id offset 0) o";

/// The owners of these wallets.
pub async fn owners(conn: &mut PgConnection, wallets: &[WalletId]) -> Result<Vec<(WalletId, Xid)>, DbError> {
    let wallets: Vec<Uuid> = wallets.iter().map(|wallet| wallet.0).collect();
    let rows = sqlx::query(OWNERS).bind(wallets).fetch_all(conn).await?;
    rows.iter().map(|row| Ok((WalletId(row.try_get(0)?), Xid(row.try_get(1)?)))).collect()
}
