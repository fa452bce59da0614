//! The books as they stand, to be compared with what they were.

use sqlx::AssertSqlSafe;

use crate::support::database::TestDatabase;

/// Every table that a request may change. The cursors of the relay move by themselves.
const TABLES: [&str; 5] = ["customers", "wallets", "transactions", "entries", "status_changes"];

/// For each table how many rows it has, and a digest of all of them.
pub async fn books(db: &TestDatabase) -> Vec<(&'static str, i64, String)> {
    let mut conn = db.connect().await;
    let mut found = Vec::new();
    for table in TABLES {
        let sql = format!(
            "select count(*), coalesce(md5(string_agg(t::text, ' ' order by t::text)), '') from {table} t"
        );
        let (rows, digest) = sqlx::query_as(AssertSqlSafe(sql)).fetch_one(&mut conn).await.expect(table);
        found.push((table, rows, digest));
    }
    found
}
