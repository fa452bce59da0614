//! The histories of the books.

use sqlx::Row;

use crate::{
    db::{DbError, open, session_options},
    kernel::books::BooksId,
};

/// The greatest of one more than the last and the seconds since 1970, so that two restores of one backup differ.
const BEGIN: &str = "\
insert into generations (generation, actor, reason)
values (greatest($1 + 1, extract(epoch from clock_timestamp())::int8), $2, $3)
on conflict do nothing
returning (select id from books), generation";

/// Begins a new history of the books; returns it. Two at once begin two, one after the other.
pub async fn begin_generation(url: &str, actor: &str, reason: &str) -> Result<BooksId, DbError> {
    let mut conn = open(session_options(url, "wallet books")?).await?;
    loop {
        let last = sqlx::query("select max(generation) from generations").fetch_one(&mut conn).await?;
        let last: i64 = last.try_get(0)?;
        let begun = sqlx::query(BEGIN).bind(last).bind(actor).bind(reason);
        // Without a row another process has begun the same one.
        if let Some(row) = begun.fetch_optional(&mut conn).await? {
            return Ok(BooksId { id: row.try_get(0)?, generation: row.try_get(1)? });
        }
    }
}
