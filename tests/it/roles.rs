//! The service's role: it owns nothing, and has no right that the service does not need. That it has all that is needed
//! is proven by every other test: their services use it.

use std::collections::BTreeSet;

use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};
use wallet::db::migrator::{self, MigrationState, grants};

use crate::support::{app::TestApp, database::TestDatabase};

async fn code_of(conn: &mut PgConnection, sql: &str) -> String {
    let mut tx = conn.begin().await.unwrap();
    let result = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut *tx).await;
    tx.rollback().await.unwrap();
    let refused = result.err().unwrap_or_else(|| panic!("the role may: {sql}"));
    refused.as_database_error().and_then(|error| error.code()).unwrap_or_default().into_owned()
}

#[tokio::test]
async fn the_services_role_may_neither_change_what_is_written_nor_the_tables() {
    let db = TestDatabase::create().await;
    db.wallets(1).await;
    let mut conn = PgConnection::connect(&db.url).await.unwrap();
    for sql in [
        "create table x ()",
        "drop table wallets",
        "alter table entries disable trigger entries_insert_only",
        "truncate wallets",
        "truncate keys",
        "update entries set delta_available = 1",
        "delete from entries",
        "update status_changes set status = 0",
        "delete from status_changes",
        "update transactions set amount = 1",
        "delete from transactions",
        "delete from wallets",
        "update wallets set currency = 'EUR'",
        "update wallets set customer_id = id",
        "update customers set xid = id",
        "delete from customers",
        "update keys set outcome = null",
        "delete from cursors",
        "update cursors set log = 'x'",
        "delete from top_transfers",
        "update schema_compatibility set compatible_from = 1",
        "delete from _sqlx_migrations",
        "update generations set reason = 'x'",
        "delete from generations",
        "delete from clock_acceptances",
        "update books set id = gen_random_uuid()",
        "alter sequence entries_position_seq cache 2",
    ] {
        assert_eq!(code_of(&mut conn, sql).await, "42501", "{sql}");
    }
}

#[tokio::test]
async fn the_grants_name_every_table_view_and_sequence_and_nothing_else() {
    let db = TestDatabase::create().await;
    let sql = "select relname::text from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'v', 'm', 'p', 'S')";
    let rows = sqlx::query(sql).fetch_all(&mut db.connect().await).await.unwrap();
    let there: BTreeSet<String> = rows.iter().map(|row| row.get(0)).collect();
    let sql = grants("a").unwrap();
    let named = |line: &str| Some(line.split_once(" on ")?.1.split_once(" to ")?.0.to_owned());
    let lines = sql.lines().filter(|line| line.starts_with("grant ") && !line.contains(" on schema "));
    let granted: BTreeSet<String> = lines.filter_map(named).collect();
    assert_eq!(granted, there);
}

/// The rights do not add up over releases: what a later file leaves out is taken away.
#[tokio::test]
async fn grants_may_be_run_again_and_take_back_what_they_do_not_name() {
    let app = TestApp::start_alone().await;
    let role: String = sqlx::query_scalar("select current_user::text")
        .fetch_one(&mut PgConnection::connect(&app.db.url).await.unwrap())
        .await
        .unwrap();
    app.db
        .run(&format!(
            "grant delete, truncate on wallets to {role}; grant update (currency) on wallets to {role}"
        ))
        .await;
    for _ in 0..2 {
        app.db.grant().await;
    }
    let mut conn = PgConnection::connect(&app.db.url).await.unwrap();
    for sql in ["delete from wallets", "truncate wallets", "update wallets set currency = 'EUR'"] {
        assert_eq!(code_of(&mut conn, sql).await, "42501", "{sql}");
    }
    assert_eq!(app.customer().await.deposit(100).await.status, 201);
}

#[tokio::test]
async fn reading_the_state_of_the_migrations_needs_no_right_to_make_anything() {
    let db = TestDatabase::create().await;
    assert_eq!(migrator::status(&db.url).await.unwrap().fault(), None);
    // Nor does it make something where there is nothing.
    let empty = TestDatabase::empty().await;
    let state = migrator::status(&empty.owner_url).await.unwrap();
    assert_eq!(state.count(MigrationState::Missing), state.migrations.len());
    assert_eq!(empty.number("select count(*) from pg_tables where schemaname = 'public'").await, 0);
}
