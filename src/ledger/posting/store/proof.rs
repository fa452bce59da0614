//! Whether a commit whose answer was lost took place: asked under the locks of its batch.

use sqlx::PgConnection;

use crate::{db::DbError, ledger::book::Proof};

pub const IS_ENTRY_BOOKED: &str = "\
select exists (select from entries where wallet_id = $1::uuid and version = $2 and hash = $3::bytea)";

pub const IS_STEP_BOOKED: &str = "\
select exists (select from steps where id = $1::uuid)";

pub const IS_STATUS_CHANGED: &str = "\
select exists (select from status_changes where id = $1::uuid)";

pub const IS_KEY_STORED: &str = "\
select exists (select from keys where actor = $1::text and key = $2::text and operation_id = $3::uuid)";

/// Whether the row is there that only this batch could write.
pub async fn is_committed(conn: &mut PgConnection, proof: &Proof) -> Result<bool, DbError> {
    let question = match proof {
        Proof::Entry { wallet, version, hash } => {
            sqlx::query_scalar(IS_ENTRY_BOOKED).bind(wallet.0).bind(version).bind(hash.as_slice())
        }
        Proof::Step(id) => sqlx::query_scalar(IS_STEP_BOOKED).bind(id.0),
        Proof::StatusChange(id) => sqlx::query_scalar(IS_STATUS_CHANGED).bind(id.0),
        Proof::Key { name, operation } => {
            sqlx::query_scalar(IS_KEY_STORED).bind(&name.actor).bind(&name.key).bind(operation.0)
        }
    };
    Ok(question.fetch_one(conn).await?)
}
