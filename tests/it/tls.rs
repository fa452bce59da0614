//! TLS and logins: Redis and Kafka are spoken to as their listeners want it, and what does not fit is named once.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};

use crate::support::{
    app::Settings,
    certificates::Certificates,
    customer::Customer,
    directory::Directory,
    odd_redis::OddRedis,
    own_server::OwnServer,
    process::{Server, free_port, run},
    service::Service,
    topic::tell_the_books,
    wait::until,
};

const WAIT_TIMEOUT: Duration = Duration::from_secs(30);

async fn health(base: &str) -> Value {
    let answer = crate::support::client::get(format!("{base}/health")).await.expect("an answer");
    answer.json::<Value>().await.expect("a report")["data"].clone()
}

async fn all_is_well(server: &Server) {
    until("all is well", WAIT_TIMEOUT, async || (health(&server.base).await["status"] == "ok").then_some(()))
        .await;
}

/// What does not fit is named once, and money moves all the same.
async fn is_named_once(server: &Server, words: &str, reason: &str) {
    let named = |words: &str| {
        let lines = server.logged(words);
        (!lines.is_empty()).then_some(lines)
    };
    until("it is named", WAIT_TIMEOUT, async || named(words)).await;
    let customer = Customer::enabled(&server.base).await;
    assert_eq!(customer.deposit(70).await.status, 201);
    assert_eq!(customer.get("/wallet").await.body["data"]["wallet"]["balance"], 70);
    // Some attempts more.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let named = server.logged(words);
    assert_eq!(named.len(), 1, "{named:?}");
    assert!(named[0].contains(reason), "{named:?}");
}

fn text(path: &std::path::Path) -> &str {
    path.to_str().expect("a path")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_is_spoken_to_by_tls() {
    let certificates = Certificates::make();
    let redis = OddRedis::with_tls(free_port(), &certificates, "hush").once_up().await;
    let encrypted = [("REDIS_URL", redis.url.as_str()), ("REDIS_CA_FILE", text(&certificates.ca))];
    let service = Service::of(1, &encrypted).await;
    let server = &service.servers[0];
    let customer = Customer::enabled(&server.base).await;
    assert_eq!(customer.deposit(70).await.status, 201);
    all_is_well(server).await;
    // Nothing else than this Redis can answer these.
    for (arguments, says) in [
        (&["cache", "rebuild"][..], "1 wallets are in the cache"),
        (&["audit", "--cache"], "views of 1 wallets"),
    ] {
        let (code, printed) = run(&service.settings, arguments);
        assert!(code == Some(0) && printed.contains(says), "{printed}");
    }
    let said = server.log().join("\n");
    assert!(!said.contains("hush"), "no password in the log: {said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_whose_certificate_is_not_believed_is_not_spoken_to() {
    let certificates = Certificates::make();
    let of_another_authority = Certificates::make();
    let redis = OddRedis::with_tls(free_port(), &certificates, "hush").once_up().await;
    let by_name = redis.url.replace("127.0.0.1", "localhost");
    let unencrypted = redis.url.replace("rediss:", "redis:");
    let (own, other) = (text(&certificates.ca), text(&of_another_authority.ca));
    for (url, ca_file, reason) in [
        (&redis.url, "", "invalid peer certificate"),
        (&redis.url, other, "invalid peer certificate"),
        (&by_name, own, "not valid for name"),
        (&unencrypted, "", "Redis cannot be reached"),
    ] {
        let service = Service::of(1, &[("REDIS_URL", url), ("REDIS_CA_FILE", ca_file)]).await;
        let server = &service.servers[0];
        is_named_once(server, "Redis cannot be reached", reason).await;
        assert!(!server.log().join("\n").contains("hush"), "no password in the log");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_of_certificates_that_holds_none_stops_the_start() {
    let directory = Directory::new();
    let empty = directory.write("empty.pem", "");
    let missing = directory.path().join("missing.pem");
    let service = Service::of(0, &[]).await;
    for (name, more) in [
        ("REDIS_CA_FILE", ("REDIS_URL", "rediss://127.0.0.1:1")),
        ("KAFKA_CA_FILE", ("KAFKA_SECURITY_PROTOCOL", "SSL")),
    ] {
        for (file, says) in [(&missing, "cannot be read"), (&empty, "holds no certificate")] {
            let mut settings = service.settings.clone();
            for (name, value) in [more, (name, text(file))] {
                settings.insert(name.to_owned(), value.to_owned());
            }
            let (code, printed) = run(&settings, &["serve"]);
            assert_eq!(code, Some(1), "{printed}");
            assert!(printed.contains(name) && printed.contains(says), "{printed}");
        }
    }
}

const PASSWORD: &str = "p=a s,s#w?o@rd";

/// A broker with two more listeners: one with TLS, one with TLS and a login.
async fn broker(certificates: &Certificates, directory: &Directory, encrypted: u16, login: u16) -> OwnServer {
    let [port, controller] = [free_port(), free_port()];
    let both = text(&certificates.both);
    let plain = "org.apache.kafka.common.security.plain.PlainLoginModule required";
    let scram = "org.apache.kafka.common.security.scram.ScramLoginModule required;";
    let listeners = format!("ENCRYPTED://127.0.0.1:{encrypted},LOGIN://127.0.0.1:{login}");
    let properties = format!(
        "listeners=CLIENTS://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller},{listeners}
advertised.listeners=CLIENTS://127.0.0.1:{port},{listeners}
controller.quorum.voters=1@127.0.0.1:{controller}
listener.security.protocol.map=CLIENTS:PLAINTEXT,CONTROLLER:PLAINTEXT,ENCRYPTED:SSL,LOGIN:SASL_SSL
ssl.keystore.type=PEM
ssl.keystore.location={both}
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512
listener.name.login.sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512
listener.name.login.plain.sasl.jaas.config={plain} user_wallet=\"{PASSWORD}\";
listener.name.login.scram-sha-256.sasl.jaas.config={scram}
listener.name.login.scram-sha-512.sasl.jaas.config={scram}
"
    );
    let properties = directory.write("more.properties", &properties);
    // The words are parted at blanks, and the settings of a login at commas.
    let scram = |mechanism| format!("--add-scram {mechanism}=[name=wallet,password=scram-{mechanism}]");
    let format = ["SCRAM-SHA-256", "SCRAM-SHA-512"].map(scram).join(" ");
    OwnServer::kafka_on(port, controller, &properties, &format).await
}

fn with(settings: &Settings, changes: &[(&str, &str)]) -> Settings {
    let mut settings = settings.clone();
    settings.extend(changes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    settings
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kafka_is_spoken_to_by_tls_and_with_every_login() {
    let (certificates, directory) = (Certificates::make(), Directory::new());
    let of_another_authority = Certificates::make();
    let ports = [free_port(), free_port()];
    let broker = broker(&certificates, &directory, ports[0], ports[1]).await;
    let [encrypted, login] = ports.map(|port| format!("127.0.0.1:{port}"));
    let (own, other) = (text(&certificates.ca), text(&of_another_authority.ca));
    let ssl = |file| {
        [("KAFKA_BROKERS", encrypted.as_str()), ("KAFKA_SECURITY_PROTOCOL", "SSL"), ("KAFKA_CA_FILE", file)]
    };
    let sasl = |mechanism, password| {
        vec![
            ("KAFKA_BROKERS", login.as_str()),
            ("KAFKA_SECURITY_PROTOCOL", "SASL_SSL"),
            ("KAFKA_CA_FILE", own),
            ("KAFKA_SASL_MECHANISM", mechanism),
            ("KAFKA_SASL_USERNAME", "wallet"),
            ("KAFKA_SASL_PASSWORD", password),
        ]
    };
    for changes in [
        ssl(own).to_vec(),
        sasl("PLAIN", PASSWORD),
        sasl("SCRAM-SHA-256", "scram-SCRAM-SHA-256"),
        sasl("SCRAM-SHA-512", "scram-SCRAM-SHA-512"),
    ] {
        let service = Service::of(1, &changes).await;
        let server = &service.servers[0];
        let customer = Customer::enabled(&server.base).await;
        for _ in 0..3 {
            assert_eq!(customer.deposit(70).await.status, 201, "{changes:?}");
        }
        // Topics were made, the relay publishes, the refresher reads, and the probe of the health report is answered.
        all_is_well(server).await;
        tell_the_books(&with(&service.settings, &[("KAFKA_BROKERS", broker.address())])).await;
        let (code, printed) = run(&service.settings, &["audit", "--topic"]);
        assert!(code == Some(0) && printed.contains("3 messages of 1 wallets"), "{changes:?}: {printed}");
        let said = server.log().join("\n");
        let password = changes.last().map(|(_, value)| *value).expect("a setting");
        assert!(!said.contains(password) || password == own, "no password in the log: {said}");
        assert!(server.logged("the connection to Kafka fails").is_empty(), "{said}");
    }
    let refused = [
        (ssl(other).to_vec(), "certificate verify failed"),
        (ssl("").to_vec(), "certificate verify failed"),
        (sasl("PLAIN", "another password"), "Authentication failed"),
        (sasl("SCRAM-SHA-512", "another password"), "Authentication failed"),
        (vec![("KAFKA_BROKERS", login.as_str())], ""),
        (vec![("KAFKA_BROKERS", broker.address()), ("KAFKA_SECURITY_PROTOCOL", "SSL")], ""),
    ];
    // By twos: each opens more than a dozen connections to Postgres.
    for two in refused.chunks(2) {
        join_all(two.iter().map(async |(changes, reason)| {
            let service = Service::of(1, changes).await.without_topics();
            is_named_once(&service.servers[0], "the connection to Kafka fails", reason).await;
            let said = service.servers[0].log().join("\n");
            assert!(!said.contains("another password"), "no password in the log: {said}");
        }))
        .await;
    }
}

/// Gives a Postgres a certificate; its files are written by the server itself, so that they are its own.
async fn encrypt(postgres: &OwnServer, certificates: &Certificates) {
    let mut conn = PgConnection::connect(postgres.address()).await.expect("Postgres");
    let directory: String =
        sqlx::query_scalar("show data_directory").fetch_one(&mut conn).await.expect("a directory");
    for (file, name) in [(&certificates.certificate, "server.crt"), (&certificates.key, "server.key")] {
        let lines = std::fs::read_to_string(file).expect("a file");
        let copy = format!(
            "copy (select unnest(string_to_array('{}', E'\\n'))) to program 'umask 077; cat > {directory}/{name}'",
            lines.trim()
        );
        sqlx::raw_sql(AssertSqlSafe(copy)).execute(&mut conn).await.expect("a file of the server's");
    }
    for statement in ["alter system set ssl = on", "select pg_reload_conf()"] {
        sqlx::raw_sql(statement).execute(&mut conn).await.expect("a setting");
    }
    let by_tls = format!("{}?sslmode=require", postgres.address());
    until("Postgres offers TLS", WAIT_TIMEOUT, async || PgConnection::connect(&by_tls).await.ok().map(drop))
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_is_spoken_to_by_tls_and_only_with_a_certificate_that_is_believed() {
    let certificates = Certificates::make();
    let of_another_authority = Certificates::make();
    let postgres = OwnServer::postgres().await;
    encrypt(&postgres, &certificates).await;
    let url = |host: &str, ca: &std::path::Path| {
        let address = postgres.address().replace("127.0.0.1", host);
        format!("{address}?sslmode=verify-full&sslrootcert={}", text(ca))
    };
    let alone = |url: &str| {
        [("DATABASE_URL", url.to_owned()), ("KAFKA_BROKERS", String::new()), ("REDIS_URL", String::new())]
    };
    let settings = alone(&url("127.0.0.1", &certificates.ca));
    let settings: Vec<(&str, &str)> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let service = Service::of(1, &settings).await;
    let customer = Customer::enabled(&service.servers[0].base).await;
    assert_eq!(customer.deposit(70).await.status, 201);
    let mut conn = PgConnection::connect(postgres.address()).await.expect("Postgres");
    let sql =
        "select count(*) filter (where ssl), count(*) from pg_stat_ssl join pg_stat_activity using (pid)
               where application_name like 'wallet%'";
    let row = sqlx::query(sql).fetch_one(&mut conn).await.expect("the sessions");
    let (encrypted, all): (i64, i64) = (row.get(0), row.get(1));
    assert!(encrypted == all && all > 3, "{encrypted} of {all} sessions are encrypted");

    for url in [url("127.0.0.1", &of_another_authority.ca), url("localhost", &certificates.ca)] {
        let mut settings = service.settings.clone();
        settings.insert("DATABASE_URL".to_owned(), url);
        let (code, printed) = run(&settings, &["audit"]);
        assert!(code == Some(1) && printed.contains("certificate"), "{printed}");
    }
}
