//! The plans of the statements that run all the time. Prototypes lost nine tenths of their speed to a plan that fitted
//! yesterday's table, so each is looked at on tables that are empty, empty and analysed, and filled and analysed, with
//! the generic plan and with a custom one.

mod cases;

use sqlx::{AssertSqlSafe, PgConnection, Row};
use wallet::ledger::{
    log::{Follower, Log},
    posting::store,
};

use self::cases::{CASES, Case, Session};
use super::support::database::TestDatabase;

/// A batch of 200 for the parameter `$number` of this statement, as a literal of the type that it is cast to; one value
/// where it is not an array.
fn parameter(sql: &str, number: usize) -> String {
    let marker = format!("${number}");
    if sql.contains(&format!("{marker}::uuid")) && !sql.contains(&format!("{marker}::uuid[]")) {
        return format!("'{:0>32}'", 1);
    }
    if [" ", ","].iter().any(|end| sql.contains(&format!("{marker}::timestamptz{end}"))) {
        return "'2026-01-01'".to_owned();
    }
    if sql.contains(&format!("{marker}::jsonb)")) {
        let pairs = (1..=200).map(|n| format!("{{\"sender\": \"{n:0>32}\", \"recipient\": \"{n:0>32}\"}}"));
        return format!("'[{}]'", pairs.collect::<Vec<_>>().join(","));
    }
    if sql.contains(&format!("{marker}::bytea)")) {
        return format!("'\\x{:0>64}'", 1);
    }
    let cast = sql.split(&marker).skip(1).find_map(|rest| rest.strip_prefix("::")?.split_once("[]"));
    let Some((kind, _)) = cast else { return "100".to_owned() };
    let element = |n: i32| match kind {
        "uuid" => format!("{n:0>32}"),
        "timestamptz" => "2026-01-01 00:00:00+00".to_owned(),
        "bool" => "false".to_owned(),
        "jsonb" => "null".to_owned(),
        "bytea" => format!("\\\\x{n:0>64}"),
        "text" => "USD".to_owned(),
        _ => n.to_string(),
    };
    let elements: Vec<String> = (1..=200).map(|n| format!("\"{}\"", element(n))).collect();
    format!("'{{{}}}'", elements.join(","))
}

async fn plan(conn: &mut PgConnection, sql: &str, mode: &str) -> String {
    let parameters = (1..).take_while(|n| sql.contains(&format!("${n}"))).count();
    let literals: Vec<String> = (1..=parameters).map(|n| parameter(sql, n)).collect();
    let run = |sql: String| AssertSqlSafe(sql);
    sqlx::raw_sql(run(format!("set plan_cache_mode = {mode}; prepare looked_at as {sql}")))
        .execute(&mut *conn)
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error}"));
    let given = if literals.is_empty() { String::new() } else { format!("({})", literals.join(", ")) };
    let explain = format!("explain execute looked_at{given}");
    let lines =
        sqlx::raw_sql(run(explain)).fetch_all(&mut *conn).await.unwrap_or_else(|e| panic!("{sql}: {e}"));
    sqlx::raw_sql("deallocate looked_at").execute(conn).await.unwrap();
    lines.iter().map(|line| line.get::<String, _>(0)).collect::<Vec<_>>().join("\n")
}

/// An index that is read without a condition: all of it.
fn walked(plan: &str) -> Option<&str> {
    let lines: Vec<&str> = plan.lines().collect();
    let is_walk = |pair: &&[&str]| {
        pair[0].contains("Index") && pair[0].contains("Scan") && !pair[1].contains("Index Cond")
    };
    lines.windows(2).find(is_walk).map(|pair| pair[0])
}

async fn every_plan_uses_its_indexes(db: &TestDatabase, state: &str) {
    for Case { name, sql, session, indexes } in CASES.iter() {
        for mode in ["force_generic_plan", "force_custom_plan"] {
            let conn = match session {
                Session::Loop => store::connect(&db.url).await,
                Session::Relay => Follower::relay(Log::Entries).connect(&db.url).await,
                Session::Follower => Follower::TOP_TRANSFERS.connect(&db.url).await,
                Session::Pool => {
                    let pool = wallet::db::connect(&db.url, 1).expect("a pool");
                    let conn = pool.get_postgres_connection_pool().acquire().await.expect("a connection");
                    Ok(conn.detach())
                }
            };
            let plan = plan(&mut conn.expect("a connection"), sql, mode).await;
            assert!(
                !plan.contains("Seq Scan"),
                "{name}, {mode}, tables {state}, reads a whole table:\n{plan}"
            );
            for index in *indexes {
                assert!(plan.contains(index), "{name}, {mode}, tables {state}, not by {index}:\n{plan}");
            }
            let walked = walked(&plan);
            assert!(
                walked.is_none(),
                "{name}, {mode}, tables {state}, walks from end to end: {walked:?}\n{plan}"
            );
        }
    }
}

#[tokio::test]
async fn every_statement_that_runs_all_the_time_uses_its_index() {
    let db = TestDatabase::create().await.unaudited();
    every_plan_uses_its_indexes(&db, "empty").await;
    db.run("vacuum analyze").await;
    every_plan_uses_its_indexes(&db, "empty and analysed").await;
    db.wallets(5_000).await;
    db.run(
        "insert into transactions (id, kind, status, wallet_id, version, amount, currency, reference_id, created_at)
             select gen_random_uuid(), 1 + n % 2, 0, id, n, 1, 'USD', gen_random_uuid(), now()
             from wallets cross join generate_series(1, 8) n;
         insert into entries (wallet_id, version, transaction_id, kind, delta_available, delta_held, delta_unreleased,
                              available, held, unreleased, occurred_at, hash)
             select wallet_id, version, id, kind, 0, 0, 0, 0, 0, 0, created_at, decode(repeat('00', 32), 'hex')
             from transactions;
         insert into keys (actor, key, request_hash, operation_id, outcome, expires_at)
             select wallet_id, version, decode(repeat('00', 32), 'hex'), id, case when version % 2 = 0 then 'null'::jsonb end,
                    case when version % 2 = 0 then now() + interval '1 day' end
             from transactions;
         insert into top_transfers select id, 8, '{1}', '{1}', '{1}', '{2}' from wallets",
    )
    .await;
    every_plan_uses_its_indexes(&db, "filled and not analysed").await;
    db.run("vacuum analyze").await;
    every_plan_uses_its_indexes(&db, "filled and analysed").await;
}

/// What lets an update of a wallet stay in its page (HOT), without new index entries: half of the page is free, and no
/// index holds a column that an operation changes. How many do is Postgres' affair: an old snapshot in any database
/// of the server keeps it from cleaning a page.
#[tokio::test]
async fn updates_of_wallets_can_stay_in_their_page() {
    let db = TestDatabase::create().await;
    let indexed = "select count(*) from pg_index i join pg_attribute a on a.attrelid = i.indrelid and a.attnum = any(i.indkey)
                   where i.indrelid = 'wallets'::regclass and a.attname not in ('id', 'customer_id', 'owner_xid', 'currency')";
    assert_eq!(db.number(indexed).await, 0, "an index holds a column that operations change");
    let half =
        "select count(*) from pg_class where oid = 'wallets'::regclass and 'fillfactor=50' = any(reloptions)";
    assert_eq!(db.number(half).await, 1);
}
