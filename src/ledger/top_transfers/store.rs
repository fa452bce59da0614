//! Every statement of the largest transfers: the stored lists, the entries that are not folded yet, how far the log was looked
//! through. Each goes by a primary key, or by a stretch of positions.

use sqlx::{PgConnection, Row, postgres::PgRow};
use uuid::Uuid;

use super::lists::{BLOCK, KEPT, Movement, TopTransfers};
use crate::{
    db::DbError,
    kernel::ids::WalletId,
    ledger::{
        fragments::{entry_line, step},
        read::{HistoryItem, line},
    },
};

/// The maximum number of unfolded entries that are looked at in one go.
pub const SCAN_MAX: i64 = 40 * BLOCK;

/// What each entry of a stretch of the log moved, in order. Money that came in is the change of the balance; what went
/// out is the amount of the transaction, or of the step for a captured hold (kinds 7 and 8), as the change has the fee in it. A
/// reversal (kind 16) and an adjustment (kind 19) are no transfers: 0 stands for them.
pub const MOVED: &str = "\
select e.wallet_id, e.version, case when e.change >= 0 then e.change else -coalesce(s.amount, t.amount) end as moved
from (select position, wallet_id, version, transaction_id, kind,
             case when kind in (16, 19) then 0 else delta_available + delta_held + delta_unreleased end as change
      from entries where position > $1 and position <= $2 order by position offset 0) e
left join lateral (select t.amount from transactions t where t.id = e.transaction_id and e.change < 0 offset 0) t on true
left join lateral (
    select s.amount from steps s
    where s.transaction_id = e.transaction_id and s.wallet_id = e.wallet_id and s.version = e.version
      and e.kind in (7, 8) offset 0) s on true
order by e.position";

/// A wallet's stored lists, and what its unfolded entries moved, as in [`MOVED`]. An outgoing one that is below the
/// last of the hundred with its fee can never be among them: 0 stands for it, and its transaction is not looked up.
pub const UNFOLDED: &str = "\
select w.version as head, coalesce(k.through_version, 0) as through_version,
       k.incoming_amounts, k.incoming_versions, k.outgoing_amounts, k.outgoing_versions, coalesce(b.moved, '{}') as moved
from wallets w
left join lateral (select * from top_transfers t where t.wallet_id = w.id offset 0) k on true
cross join lateral (
    select array_agg(case when e.change >= 0 then e.change when e.change > -k.outgoing_amounts[$4] then 0
                          else -coalesce(s.amount, t.amount) end order by e.version) as moved
    from (select version, transaction_id, kind,
                 case when kind in (16, 19) then 0 else delta_available + delta_held + delta_unreleased end as change
          from entries
          where wallet_id = w.id and version > coalesce(k.through_version, 0)
            and version <= least($2, coalesce(k.through_version, 0) + $3)
          order by version) e
    left join lateral (
        select t.amount from transactions t
        where t.id = e.transaction_id and e.change <= -coalesce(k.outgoing_amounts[$4], 1) offset 0) t on true
    left join lateral (
        select s.amount from steps s
        where s.transaction_id = e.transaction_id and s.wallet_id = w.id and s.version = e.version
          and e.kind in (7, 8) offset 0) s on true) b
where w.id = $1::uuid";

/// Stored lists are a function of the wallet and the version alone, so those of the higher version are right.
pub const UPSERT: &str = "\
insert into top_transfers as kept (wallet_id, through_version, incoming_amounts, incoming_versions, outgoing_amounts,
                                   outgoing_versions)
values ($1::uuid, $2, $3::int8[], $4::int8[], $5::int8[], $6::int8[])
on conflict (wallet_id) do update
set through_version = excluded.through_version,
    incoming_amounts = excluded.incoming_amounts, incoming_versions = excluded.incoming_versions,
    outgoing_amounts = excluded.outgoing_amounts, outgoing_versions = excluded.outgoing_versions
where kept.through_version < excluded.through_version";

/// Some of a wallet's entries, as lines of its history.
pub const LOAD_ITEMS: &str = concat!(
    "select ",
    entry_line!(),
    "
from unnest($2::int8[]) n(version)
cross join lateral (select * from entries e where e.wallet_id = $1::uuid and e.version = n.version offset 0) e
cross join lateral (select * from transactions t where t.id = e.transaction_id offset 0) t
",
    step!()
);

/// A wallet's stored lists, and what its unfolded entries moved.
#[derive(Debug)]
pub struct Unfolded {
    /// The wallet's version.
    pub head: i64,
    /// The stored lists are those of the entries 1 to this one.
    pub through: i64,
    pub lists: TopTransfers,
    /// For [`TopTransfers::fold`]: the entries from `through + 1` on, [`SCAN_MAX`] at most.
    pub amounts: Vec<i64>,
}

/// What the entries beyond `after` and up to `up_to` moved: wallet, version, and what [`TopTransfers::fold`] takes.
pub async fn moved(
    conn: &mut PgConnection,
    after: i64,
    up_to: i64,
) -> Result<Vec<(WalletId, i64, i64)>, DbError> {
    let rows = sqlx::query(MOVED).bind(after).bind(up_to).fetch_all(conn).await?;
    rows.iter().map(|row| Ok((WalletId(row.try_get(0)?), row.try_get(1)?, row.try_get(2)?))).collect()
}

/// The stored lists of a wallet and its unfolded entries, up to `up_to`, of one moment. None: there is no such wallet.
pub async fn unfolded(
    conn: &mut PgConnection,
    wallet: WalletId,
    up_to: i64,
) -> Result<Option<Unfolded>, DbError> {
    let kept = i32::try_from(KEPT).unwrap_or(i32::MAX);
    let asked = sqlx::query(UNFOLDED).bind(wallet.0).bind(up_to).bind(SCAN_MAX).bind(kept);
    let Some(row) = asked.fetch_optional(conn).await? else { return Ok(None) };
    let list = |amounts, versions| -> Result<Vec<Movement>, DbError> {
        let amounts: Option<Vec<i64>> = row.try_get(amounts)?;
        let versions: Option<Vec<i64>> = row.try_get(versions)?;
        let pairs = amounts.unwrap_or_default().into_iter().zip(versions.unwrap_or_default());
        Ok(pairs.map(|(amount, version)| Movement { amount, version }).collect())
    };
    let found = Unfolded {
        head: row.try_get("head")?,
        through: row.try_get("through_version")?,
        lists: TopTransfers {
            incoming: list("incoming_amounts", "incoming_versions")?,
            outgoing: list("outgoing_amounts", "outgoing_versions")?,
        },
        amounts: row.try_get("moved")?,
    };
    // Versions have no gap: one that is missing here would make a list wrong without a word.
    let expected = up_to.min(found.head).min(found.through + SCAN_MAX) - found.through;
    if i64::try_from(found.amounts.len()) != Ok(expected.max(0)) {
        return Err(DbError::Defect(format!(
            "wallet {wallet}: entries beyond {} are missing",
            found.through
        )));
    }
    Ok(Some(found))
}

/// Stores the largest of a wallet's entries 1 to `through`, unless later ones are stored already.
pub async fn upsert(
    conn: &mut PgConnection,
    wallet: WalletId,
    through: i64,
    top: &TopTransfers,
) -> Result<(), DbError> {
    let amounts = |list: &[Movement]| list.iter().map(|m| m.amount).collect::<Vec<i64>>();
    let versions = |list: &[Movement]| list.iter().map(|m| m.version).collect::<Vec<i64>>();
    sqlx::query(UPSERT)
        .bind(wallet.0)
        .bind(through)
        .bind(amounts(&top.incoming))
        .bind(versions(&top.incoming))
        .bind(amounts(&top.outgoing))
        .bind(versions(&top.outgoing))
        .execute(conn)
        .await?;
    Ok(())
}

/// The entries with these versions as lines of the wallet's history, in no order.
pub async fn load_items(
    conn: &mut PgConnection,
    wallet: WalletId,
    versions: &[i64],
) -> Result<Vec<HistoryItem>, DbError> {
    let wallet: Uuid = wallet.0;
    let rows: Vec<PgRow> = sqlx::query(LOAD_ITEMS).bind(wallet).bind(versions).fetch_all(conn).await?;
    rows.iter().map(line).collect()
}
