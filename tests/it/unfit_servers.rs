//! What no Postgres may be: behind a pooler that is not transparent, in another encoding, too old. It is refused at once.

use std::time::{Duration, Instant};

use wallet::db::{ServerFault, server_fault};

use crate::support::{
    app::settings_for,
    database::TestDatabase,
    pgbouncer::PgBouncer,
    process::{Server, run},
};

/// Well below the 30 s for which a server that is away is waited for.
const AT_ONCE: Duration = Duration::from_secs(15);

/// Serves nothing, and says why in one sentence.
fn is_refused(db: &TestDatabase, url: &str, reason: &str) {
    let mut settings = settings_for(db);
    settings.insert("DATABASE_URL".to_owned(), url.to_owned());
    for arguments in
        [&["serve"][..], &["migrate", "up"], &["migrate", "status"], &["audit"], &["cache", "rebuild"]]
    {
        let since = Instant::now();
        let (code, printed) = run(&settings, arguments);
        assert_eq!(code, Some(1), "{arguments:?}: {printed}");
        assert!(printed.contains("DATABASE_URL") && printed.contains(reason), "{arguments:?}: {printed}");
        assert_eq!(printed.lines().count(), 1, "one sentence: {printed}");
        assert!(since.elapsed() < AT_ONCE, "{arguments:?} took {:?}", since.elapsed());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pgbouncer_in_transaction_mode_is_refused_at_once_however_it_is_set_up() {
    let db = TestDatabase::create().await;
    let ignoring = "ignore_startup_parameters = extra_float_digits,options";
    let settings = "does not pass on the settings of a session";
    let shared = "shares its connections between sessions";
    // As if it had passed the settings on, as other poolers do.
    let marked = "connect_query='set wallet.session = \"direct\"'";
    for (of_database, more, reason) in [
        ("", "pool_mode = transaction".to_owned(), settings),
        ("", format!("pool_mode = transaction\n{ignoring}"), settings),
        ("", format!("pool_mode = session\n{ignoring}"), settings),
        (marked, format!("pool_mode = transaction\n{ignoring}"), shared),
        (marked, format!("pool_mode = transaction\n{ignoring}\ndefault_pool_size = 1"), shared),
        (marked, format!("pool_mode = transaction\n{ignoring}\nserver_round_robin = 1"), shared),
    ] {
        let pooler = PgBouncer::before(&db.url, of_database, &more).await;
        is_refused(&db, &pooler.url, reason);
    }
    // In session mode it would be Postgres itself, if only it passed settings on.
    let pooler = PgBouncer::before(&db.url, marked, &format!("pool_mode = session\n{ignoring}")).await;
    assert_eq!(server_fault(&pooler.url).await, Ok(None));
    assert_eq!(server_fault(&db.url).await, Ok(None), "Postgres itself");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_not_utf8_is_refused_at_once() {
    for encoding in ["SQL_ASCII", "LATIN1"] {
        let db = TestDatabase::with(&format!(" template template0 encoding '{encoding}' locale 'C'")).await;
        is_refused(&db, &db.owner_url, &format!("the database's encoding is {encoding}"));
        assert_eq!(server_fault(&db.url).await, Ok(Some(ServerFault::Encoding(encoding.to_owned()))));
    }
}

/// Each piece of a password that a URL cannot hold, and each parameter that may hold one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_log_line_holds_a_secret_of_a_url() {
    let db = TestDatabase::create().await;
    let (_, place) = db.url.split_once('@').expect("a place");
    let (login, _) = db.url.split_once("://").and_then(|(_, rest)| rest.split_once('@')).expect("a login");
    let (user, password) = login.split_once(':').expect("a password");
    let refused = [
        format!("postgres://{user}:1?hush@{place}"),
        format!("postgres://{user}:1#hush@{place}"),
        format!("postgres://{user}:1/hush@{place}"),
        format!("postgres://{login}@{place}?sslpassword=hush"),
        format!("postgres://{login}@{place}?hush"),
        format!("postgres://{login}@{place}?hush=1&sslmode=hush"),
        format!("postgres://{login}@{place}#hush"),
        format!("mysql://{user}:hush@{place}"),
    ];
    let wrong = [
        format!("postgres://{user}:hush@{place}"),
        format!("postgres://{user}@{place}?password=hush"),
        format!("postgres://{user}:hu%3Fsh%23hush@{place}"),
        format!("postgres://{user}:hu@hush@{place}"),
        format!("postgres://{user}:hush@127.0.0.1:1/wallet"),
    ];
    let commands = [&["migrate", "status"][..], &["migrate", "up"], &["audit"]];
    let traced = "trace,h2=off,hyper=off";
    let run_all = |name: &str, value: &str, code: Option<i32>| {
        for arguments in commands {
            let mut settings = settings_for(&db);
            settings.insert(name.to_owned(), value.to_owned());
            settings.insert("RUST_LOG".to_owned(), traced.to_owned());
            let (ended, printed) = run(&settings, arguments);
            assert!(code.is_none() || ended == code, "{value} {arguments:?}: {printed}");
            assert!(!printed.contains("hush"), "{value} {arguments:?}: {printed}");
        }
    };
    refused.iter().for_each(|url| run_all("DATABASE_URL", url, Some(2)));
    wrong.iter().for_each(|url| run_all("DATABASE_URL", url, None));
    for url in ["redis://:1#hush@127.0.0.1", "redis://:1?hush@127.0.0.1", "redis://127.0.0.1/0?password=hush"]
    {
        run_all("REDIS_URL", url, Some(2));
    }
    // A service that serves: its own password, and those that Redis and Kafka do not take.
    let mut settings = settings_for(&db);
    for (name, value) in [
        ("RUST_LOG", traced),
        ("DATABASE_URL", &format!("postgres://{user}@{place}?password={password}")),
        ("REDIS_URL", &settings_for(&db)["REDIS_URL"].replace("redis://", "redis://:hush@")),
        ("KAFKA_SECURITY_PROTOCOL", "SASL_PLAINTEXT"),
        ("KAFKA_SASL_MECHANISM", "PLAIN"),
        ("KAFKA_SASL_USERNAME", "wallet"),
        ("KAFKA_SASL_PASSWORD", "hush"),
        ("JWT_SECRET", "hush-and-many-more-characters-than-that"),
        ("SERVICE_API_KEY", "hush"),
    ] {
        settings.insert(name.to_owned(), value.to_owned());
    }
    let server = Server::start(&settings);
    for path in ["health", "health/ready", "metrics"] {
        let answer = crate::support::client::get(format!("{}/{path}", server.base)).await.expect("an answer");
        let text = answer.text().await.expect("a text");
        assert!(!text.contains("hush") && !text.contains(password), "{path}: {text}");
    }
    server.signal("TERM");
    let said = server.log().join("\n");
    assert!(!said.contains("hush") && !said.contains(password), "{said}");
}
