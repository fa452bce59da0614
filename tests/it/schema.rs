//! What a service does on a database whose tables are not those that it needs: before it starts, and while it serves.

use std::{
    process::{Output, Stdio},
    time::{Duration, Instant},
};

use crate::support::{
    app::{PRODUCTION, Settings, TestApp, settings_for},
    database::TestDatabase,
    process::{Server, command},
    wait::until,
};

/// What makes a database unfit, what mends it, the exit code of `migrate status` then, and what it and `serve` say.
const FAULTS: [(&str, &str, i32, &str); 7] = [
    (
        "update _sqlx_migrations set checksum = '' where version = 2",
        "update _sqlx_migrations m set checksum = o.checksum from kept o where o.version = m.version",
        1,
        "migration 0002 was applied from another text",
    ),
    (
        "update _sqlx_migrations set success = false where version = 3",
        "update _sqlx_migrations set success = true",
        1,
        "migration 0003 is half applied",
    ),
    (
        "delete from _sqlx_migrations where version = 4",
        "insert into _sqlx_migrations select * from kept where version = 4",
        0,
        "the database lacks 1 migrations",
    ),
    (
        "insert into _sqlx_migrations select 9999, 'later', now(), true, '', 0;
         update schema_compatibility set compatible_from = 9999",
        "delete from _sqlx_migrations where version = 9999; update schema_compatibility set compatible_from = 3",
        1,
        "versions of the wallet that have migration 9999",
    ),
    (
        "insert into _sqlx_migrations select 0, 'foreign', now(), true, '', 0",
        "delete from _sqlx_migrations where version = 0",
        1,
        "migration 0000, which is not in this version's line",
    ),
    ("alter table keys rename to moved", "alter table moved rename to keys", 1, "these are missing: keys"),
    (
        "revoke select on cursors from :role",
        "grant select on cursors to :role",
        1,
        "may not read cursors: run what `wallet migrate grants --role wallet_test_",
    ),
];

async fn with_kept_rows(db: &TestDatabase) {
    // In a schema of its own: it is none of the service's tables.
    db.run("create schema aside; create table aside.kept as select * from _sqlx_migrations").await;
}

/// The statements as the owner runs them.
fn for_owner(db: &TestDatabase, sql: &str) -> String {
    let user = db.url.split("://").nth(1).and_then(|rest| rest.split(':').next()).expect("the role");
    format!("set search_path = public, aside; {}", sql.replace(":role", user))
}

/// What a command that ends by itself has printed; a service that serves does not.
fn output(settings: &Settings, arguments: &[&str]) -> Output {
    let mut command = command(settings, arguments);
    let mut child =
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the wallet command");
    let since = Instant::now();
    while child.try_wait().expect("the process").is_none() {
        if since.elapsed() > Duration::from_secs(45) {
            child.kill().expect("killed");
            panic!("{arguments:?} does not end");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    child.wait_with_output().expect("its output")
}

#[tokio::test]
async fn serve_does_not_start_on_tables_that_it_cannot_use_and_status_says_so() {
    let db = TestDatabase::create().await.unaudited();
    with_kept_rows(&db).await;
    let mut settings = settings_for(&db);
    // Development would run what is missing.
    settings.extend(PRODUCTION.map(|(name, value)| (name.to_owned(), value.to_owned())));
    for (broken, mended, code, sentence) in FAULTS {
        db.run(&for_owner(&db, broken)).await;
        let serve = output(&settings, &["serve"]);
        let complained = String::from_utf8_lossy(&serve.stderr).into_owned();
        assert_eq!(serve.status.code(), Some(1), "{broken}");
        assert!(complained.contains(sentence), "{sentence}: {complained}");
        let status = command(&settings, &["migrate", "status"]).output().expect("the wallet command");
        let complained = String::from_utf8_lossy(&status.stderr).into_owned();
        assert_eq!(status.status.code(), Some(code), "{broken}: {complained}");
        assert_eq!(complained.contains(sentence), code == 1, "{sentence}: {complained}");
        db.run(&for_owner(&db, mended)).await;
        let status = command(&settings, &["migrate", "status"]).output().expect("the wallet command");
        assert_eq!(status.status.code(), Some(0), "{mended}");
    }
}

#[tokio::test]
async fn a_service_whose_tables_change_under_it_is_not_ready_until_they_are_right_again() {
    let app = TestApp::start_alone().await;
    with_kept_rows(&app.db).await;
    for (broken, mended, _, sentence) in FAULTS {
        app.db.run(&for_owner(&app.db, broken)).await;
        answers(&app, 503, sentence).await;
        app.db.run(&for_owner(&app.db, mended)).await;
        answers(&app, 200, sentence).await;
    }
    assert_eq!(app.customer().await.deposit(100).await.status, 201);
}

/// Waits until readiness and health answer so; no answer has the reason in it.
async fn answers(app: &TestApp, status: u16, reason: &str) {
    until(reason, Duration::from_secs(10), async || {
        let ready =
            crate::support::client::get(format!("{}/health/ready", app.base)).await.expect("an answer");
        let health = crate::support::client::get(format!("{}/health", app.base)).await.expect("an answer");
        let both = [ready.status().as_u16(), health.status().as_u16()];
        let body = health.text().await.expect("a body");
        assert!(!body.contains(reason) && !body.contains("migration"), "{body}");
        let live = crate::support::client::get(format!("{}/health/live", app.base)).await.expect("an answer");
        assert_eq!(live.status().as_u16(), 200, "nothing is mended by a new process");
        (both == [status; 2]).then_some(())
    })
    .await;
}

/// A roll-out: the newer version has migrated, and this one is still among those that may run.
#[tokio::test]
async fn a_newer_database_that_this_version_may_run_on_is_served() {
    let db = TestDatabase::create().await;
    db.run("insert into _sqlx_migrations select 9999, 'later', now(), true, '', 0").await;
    let settings = settings_for(&db);
    let status = command(&settings, &["migrate", "status"]).output().expect("the wallet command");
    let (told, complained) =
        (String::from_utf8_lossy(&status.stdout), String::from_utf8_lossy(&status.stderr));
    assert_eq!(status.status.code(), Some(1));
    assert!(told.contains("9999 later: applied, unknown to this version"), "{told}");
    assert!(complained.contains("may still serve"), "{complained}");
    let server = Server::start(&settings);
    until("readiness", Duration::from_secs(10), async || {
        let ready =
            crate::support::client::get(format!("{}/health/ready", server.base)).await.expect("an answer");
        (ready.status().as_u16() == 200).then_some(())
    })
    .await;
    // The newer version's migrations are no business of this one.
    let mut owner = settings.clone();
    owner.insert("DATABASE_URL".to_owned(), db.owner_url.clone());
    let up = command(&owner, &["migrate", "up"]).output().expect("the wallet command");
    assert_eq!(up.status.code(), Some(0), "there is nothing to do");
    let down = command(&owner, &["migrate", "down"]).output().expect("the wallet command");
    assert_eq!(down.status.code(), Some(1));
    assert!(
        String::from_utf8_lossy(&down.stderr)
            .contains("9999, which this version of the wallet does not have")
    );
}
