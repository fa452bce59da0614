//! Migrations, and the rules that the schema holds by itself.

use std::time::Duration;

use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};
use tokio::task::JoinHandle;
use wallet::db::migrator::{self, DataLoss, Direction, MigrationError, MigrationState, SchemaState, migrate};

use super::support::{database::TestDatabase, wait::until};

/// Everything that the migrations make, as text.
async fn schema(db: &TestDatabase) -> Vec<String> {
    let sql = "
        select format('%s.%s %s %s %s', table_name, column_name, data_type, is_nullable, column_default)
            from information_schema.columns where table_schema = 'public' and table_name <> '_sqlx_migrations'
        union all select indexdef from pg_indexes where schemaname = 'public' and tablename <> '_sqlx_migrations'
        union all select format('%s: %s', conrelid::regclass, pg_get_constraintdef(oid)) from pg_constraint
            where connamespace = 'public'::regnamespace and conrelid::regclass::text <> '_sqlx_migrations'
        union all select format('%s %s', proname, prosrc) from pg_proc where pronamespace = 'public'::regnamespace
        order by 1";
    let rows = sqlx::query(sql).fetch_all(&mut db.connect().await).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

#[tokio::test]
async fn up_down_up_gives_the_same_schema() {
    let db = TestDatabase::empty().await;
    let up = migrate(&db.owner_url, Direction::Up).await.unwrap();
    assert!(up.fault().is_none() && !up.migrations.is_empty());
    let first = schema(&db).await;
    assert!(first.iter().any(|line| line.starts_with("entries.hash")), "{first:#?}");
    let down = migrate(&db.owner_url, Direction::DownTo(0, DataLoss::OnlyIfEmpty)).await.unwrap();
    assert_eq!(down.count(MigrationState::Missing), down.migrations.len());
    assert_eq!(schema(&db).await, Vec::<String>::new());
    migrate(&db.owner_url, Direction::Up).await.unwrap();
    assert_eq!(schema(&db).await, first);
}

#[tokio::test]
async fn down_takes_one_migration_back_and_twice_up_does_no_harm() {
    let db = TestDatabase::empty().await;
    let (one, other) =
        tokio::join!(migrate(&db.owner_url, Direction::Up), migrate(&db.owner_url, Direction::Up));
    assert_eq!(one.unwrap(), other.unwrap());
    let before = migrator::status(&db.owner_url).await.unwrap().migrations.len();
    let after = migrate(&db.owner_url, Direction::DownOne(DataLoss::OnlyIfEmpty)).await.unwrap();
    assert_eq!(after.count(MigrationState::Applied), before - 1);
}

/// The number that the database says a running binary must have.
async fn compatible_from(db: &TestDatabase) -> i64 {
    db.number("select compatible_from from schema_compatibility").await
}

#[tokio::test]
async fn the_database_says_the_oldest_schema_number_that_a_running_binary_may_have() {
    let db = TestDatabase::create().await;
    let from = compatible_from(&db).await;
    let newest = migrator::status(&db.owner_url).await.unwrap().migrations.last().unwrap().version;
    assert!((3..=newest).contains(&from), "{from}");
    for second in ["(true, 1)", "(false, 1)"] {
        let sql = AssertSqlSafe(format!("insert into schema_compatibility values {second}"));
        sqlx::raw_sql(sql).execute(&mut db.connect().await).await.expect_err("there is one row");
    }
    migrate(&db.owner_url, Direction::DownTo(4, DataLoss::OnlyIfEmpty)).await.unwrap();
    assert_eq!(compatible_from(&db).await, 3);
    migrate(&db.owner_url, Direction::Up).await.unwrap();
    assert_eq!(compatible_from(&db).await, from);
    db.grant().await;
}

/// Takes everything back, as far as this is allowed, and gives what was said.
async fn all_down(db: &TestDatabase, loss: DataLoss) -> String {
    let before = schema(db).await;
    let refused = migrate(&db.owner_url, Direction::DownTo(0, loss)).await.unwrap_err();
    assert!(matches!(refused, MigrationError::WouldLose { .. }), "{refused}");
    assert_eq!(schema(db).await, before, "all of it or nothing");
    refused.to_string()
}

#[tokio::test]
async fn no_way_down_drops_rows_that_exist_nowhere_else() {
    let db = TestDatabase::create().await.unaudited();
    db.run("insert into keys (actor, key, request_hash, operation_id) values ('a', 'k', sha256(''), gen_random_uuid())")
        .await;
    assert!(
        all_down(&db, DataLoss::OnlyIfEmpty)
            .await
            .contains("0002 is not taken back: it would drop 1 rows of keys")
    );
    db.run("delete from keys").await;
    db.wallets(2).await;
    let told = all_down(&db, DataLoss::OnlyIfEmpty).await;
    assert!(told.contains("0001 is not taken back: it would drop 2 rows of customers"), "{told}");
    // What follows from other tables goes and comes, and so does what is empty.
    migrate(&db.owner_url, Direction::DownTo(2, DataLoss::OnlyIfEmpty)).await.unwrap();
    migrate(&db.owner_url, Direction::Up).await.unwrap();
    let gone = migrate(&db.owner_url, Direction::DownTo(0, DataLoss::Accepted)).await.unwrap();
    assert_eq!(gone.count(MigrationState::Missing), gone.migrations.len());
}

#[tokio::test]
async fn where_no_loss_is_allowed_not_even_empty_tables_are_dropped() {
    let db = TestDatabase::create().await;
    let told = all_down(&db, DataLoss::Forbidden).await;
    assert!(told.contains("0013 is not taken back: it drops users"), "{told}");
}

/// A way down of everything that waits for somebody who writes to `customers`.
async fn waiting_down(
    db: &TestDatabase,
    loss: DataLoss,
) -> (PgConnection, JoinHandle<Result<SchemaState, MigrationError>>) {
    let mut writer = db.connect().await;
    sqlx::raw_sql("begin; insert into customers (id, xid) values (gen_random_uuid(), gen_random_uuid())")
        .execute(&mut writer)
        .await
        .unwrap();
    let url = db.owner_url.clone();
    let down = tokio::spawn(async move { migrate(&url, Direction::DownTo(0, loss)).await });
    let waiting = "select count(*) from pg_locks l join pg_database d on d.oid = l.database
                   where d.datname = current_database() and not l.granted and l.mode = 'AccessExclusiveLock'";
    until("the way down waits for the writer", Duration::from_secs(5), async || {
        (db.number(waiting).await == 1).then_some(())
    })
    .await;
    (writer, down)
}

/// A row that is written between the first count and the drop: the tables are locked before they are counted again.
#[tokio::test]
async fn a_row_that_is_committed_while_a_way_down_begins_is_not_dropped() {
    let db = TestDatabase::create().await.unaudited();
    let (mut writer, down) = waiting_down(&db, DataLoss::OnlyIfEmpty).await;
    sqlx::raw_sql("commit").execute(&mut writer).await.unwrap();
    let refused = down.await.unwrap().unwrap_err();
    assert!(refused.to_string().contains("1 rows of customers"), "{refused}");
    assert_eq!(db.number("select count(*) from customers").await, 1);
}

/// By then it has taken back every migration but the first one.
#[tokio::test]
async fn a_way_down_that_is_killed_has_changed_nothing() {
    let db = TestDatabase::create().await.unaudited();
    let before = schema(&db).await;
    let (writer, down) = waiting_down(&db, DataLoss::Accepted).await;
    db.run(
        "select pg_terminate_backend(pid) from pg_stat_activity
             where datname = current_database() and application_name = 'wallet migrate'",
    )
    .await;
    down.await.unwrap().unwrap_err();
    drop(writer);
    assert_eq!(schema(&db).await, before);
    assert_eq!(migrator::status(&db.url).await.unwrap().fault(), None);
}

#[tokio::test]
async fn two_ways_down_at_once_take_two_migrations_back() {
    let db = TestDatabase::create().await.unaudited();
    let one = || migrate(&db.owner_url, Direction::DownOne(DataLoss::OnlyIfEmpty));
    let all = migrator::status(&db.url).await.unwrap().count(MigrationState::Applied);
    let (first, second) = tokio::join!(one(), one());
    first.unwrap();
    second.unwrap();
    assert_eq!(migrator::status(&db.owner_url).await.unwrap().count(MigrationState::Applied), all - 2);
}

/// The database itself refuses what must never be, whatever the code does.
#[tokio::test]
async fn the_database_refuses_what_must_never_be() {
    let db = TestDatabase::create().await;
    db.wallets(1).await;
    let entry = "insert into entries (wallet_id, version, transaction_id, kind, delta_available, delta_held,
                     delta_unreleased, available, held, unreleased, occurred_at, hash)
                 select id, 1, id, 1, 0, 0, 0, 0, 0, 0, now(), head_hash from wallets";
    let transaction = "insert into transactions (id, kind, status, wallet_id, version, amount, fee, currency,
                           reference_id, created_at)
                       select gen_random_uuid(), 1, 0, id, 1, 1, 0, 'USD', id, now() from wallets";
    let mut conn = db.connect().await;
    for (prepare, forbidden, code) in [
        ("", "update wallets set available = -1", "23514"),
        ("", "update wallets set held = -1", "23514"),
        ("", "update wallets set unreleased = -1", "23514"),
        ("", "update wallets set available = 9007199254740992", "23514"),
        ("", "update wallets set available = 9007199254740991, held = 1", "23514"),
        (entry, "update entries set delta_available = 1", "23001"),
        (entry, "delete from entries", "23001"),
        (entry, "truncate entries", "23001"),
        (entry, entry, "23505"),
        ("", "update status_changes set status = 0", "23001"),
        ("", "delete from status_changes", "23001"),
        (transaction, transaction, "23505"),
        ("", &transaction.replace("1, 1, 0, 'USD'", "1, 0, 0, 'USD'"), "23514"),
        ("", "insert into customers (id, xid) select gen_random_uuid(), xid from customers", "23505"),
        (
            "",
            "insert into wallets (id, customer_id, currency) select gen_random_uuid(), customer_id, currency
              from wallets",
            "23505",
        ),
        ("", "update wallets set currency = 'usd'", "23514"),
    ] {
        let mut tx = conn.begin().await.unwrap();
        sqlx::raw_sql(AssertSqlSafe(prepare.to_owned())).execute(&mut *tx).await.expect(prepare);
        let refused = sqlx::raw_sql(AssertSqlSafe(forbidden.to_owned())).execute(&mut *tx).await;
        let refused = refused.err().unwrap_or_else(|| panic!("the database allows: {forbidden}"));
        let found =
            refused.as_database_error().and_then(|error| error.code()).unwrap_or_default().into_owned();
        assert_eq!(found, code, "{forbidden}: {refused}");
        tx.rollback().await.unwrap();
    }
}
