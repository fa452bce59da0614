use std::collections::BTreeMap;

use super::{load::lines_of, read, *};

mod example;
mod production;

const DATABASE: (&str, &str) = ("DATABASE_URL", "postgres://wallet:hush@127.0.0.1:5432/wallet");

fn read(environment: &[(&str, &str)], file: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let environment: BTreeMap<String, String> = environment.iter().map(own).collect();
    read::config(&environment, &file.iter().map(own).collect::<Vec<_>>())
}

/// The configuration of a machine that sets this beside a database.
fn with(more: &[(&str, &str)]) -> Result<Config, ConfigError> {
    read(&[&[DATABASE], more].concat(), &[])
}

fn problems(result: Result<Config, ConfigError>) -> Vec<String> {
    result.expect_err("must be refused").problems
}

#[test]
fn a_database_is_all_that_must_be_given() {
    let config = with(&[]).unwrap();
    assert_eq!(config.database_url, DATABASE.1);
    assert_eq!((config.redis_url, config.kafka_brokers), (None, None));
    assert_eq!(config.topics.transactions, "wallet.created-transaction");
    assert_eq!(config.topics.status, "wallet.changed-status");
    assert_eq!((config.kafka_partitions, config.kafka_replication), (6, 1));
    assert_eq!(config.kafka_compression, Compression::None);
    assert_eq!((config.kafka_group_prefix.as_str(), config.redis_prefix.as_str()), ("wallet", "wallet:"));
    assert_eq!((config.host.as_str(), config.port), ("127.0.0.1", 8089));
    assert_eq!(config.app_env, AppEnv::Development);
    assert!(config.jwt_secret.expose().len() >= 32);
    assert_eq!(config.jwt_ttl_seconds, 86_400);
    let lifetimes = (config.access_ttl_seconds, config.refresh_ttl_seconds, config.session_ttl_seconds);
    assert_eq!(lifetimes, (900, 2_592_000, 7_776_000));
    assert_eq!((config.password_memory_kib, config.password_passes), (19_456, 2));
    assert_eq!(config.service_api_key, None);
    assert_eq!((config.default_currency.as_str(), config.transfer_fee_bps), ("USD", 150));
    assert_eq!(config.rate_limit_refusals, "60/m".parse().ok());
    assert_eq!(config.rate_limit_failures, "30/m".parse().ok());
    assert_eq!((config.rate_limit_moves, config.rate_limit_inits), (None, None));
    assert_eq!(config.trusted_proxies, []);
    assert_eq!((config.batch_max, config.queue_max, config.database_pool_max), (256, 10_000, 10));
    assert_eq!((config.bank, config.payout_queue_max), (None, 10_000));
    assert_eq!((config.shutdown_timeout_seconds, config.log_format), (10, LogFormat::Text));
}

#[test]
fn without_a_database_it_does_not_start() {
    for environment in [&[][..], &[("DATABASE_URL", "")]] {
        let problems = problems(read(environment, &[]));
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].starts_with("DATABASE_URL must be given"), "{problems:?}");
    }
}

#[test]
fn every_impossible_value_is_named_and_secrets_are_not_shown() {
    let wrong = [
        ("DATABASE_URL", "mysql://hush@host/db"),
        ("DATABASE_URL", "hush"),
        ("DATABASE_URL", "postgres://"),
        ("DATABASE_URL", "postgres://wallet:hu/sh@host/db"),
        ("DATABASE_URL", "postgres://wallet:hush@host:70000/db"),
        ("DATABASE_URL", "postgres://wallet:hush@host /db"),
        ("DATABASE_POOL_MAX", "0"),
        ("REDIS_URL", "http://hush"),
        ("DATABASE_URL", "postgres://wallet:1?hush@host/db"),
        ("DATABASE_URL", "postgres://wallet:1#hush@host/db"),
        ("DATABASE_URL", "postgres://host/db?sslpassword=hush"),
        ("DATABASE_URL", "postgres://host/db?sslmode=hush"),
        ("REDIS_URL", "rediss://:1#hush@host"),
        ("REDIS_URL", "redis://"),
        ("REDIS_URL", "redis:///0"),
        ("REDIS_URL", "redis://:hush@host:port"),
        ("REDIS_PREFIX", "a b"),
        ("KAFKA_BROKERS", "localhost"),
        ("KAFKA_BROKERS", "localhost:9092,"),
        ("KAFKA_BROKERS", "localhost:0"),
        ("KAFKA_BROKERS", "kafka://localhost:9092"),
        ("KAFKA_TOPIC_TRANSACTIONS", "a topic"),
        ("KAFKA_TOPIC_TRANSACTIONS", ".."),
        ("KAFKA_TOPIC_STATUS", "wallet.created-transaction"),
        ("KAFKA_TOPIC_STATUS", "wallet.created-transaction.dlq"),
        ("KAFKA_PARTITIONS", "0"),
        ("KAFKA_PARTITIONS", "six"),
        ("KAFKA_REPLICATION", "-1"),
        ("KAFKA_COMPRESSION", "zstd"),
        ("KAFKA_COMPRESSION", "GZIP"),
        ("KAFKA_GROUP_PREFIX", "a/b"),
        ("HOST", "http://localhost"),
        ("HOST", "localhost:8089"),
        ("PORT", "65536"),
        ("PORT", "+80"),
        ("PORT", " 80"),
        ("APP_ENV", "Production"),
        ("JWT_SECRET", "hush-it-has-only-31-bytes-------"),
        ("ACCESS_TTL", "25h"),
        ("REFRESH_TTL", "x"),
        ("SESSION_TTL", "0"),
        ("PASSWORD_MEMORY_KIB", "7"),
        ("PASSWORD_PASSES", "0"),
        ("JWT_TTL", "0"),
        ("JWT_TTL", "1w"),
        ("JWT_TTL", "h"),
        ("JWT_TTL", "-1h"),
        ("JWT_TTL", "99999999999999999999d"),
        ("SERVICE_API_KEY", "hush hush"),
        ("RATE_LIMIT_REFUSALS", "60"),
        ("RATE_LIMIT_FAILURES", "0/m"),
        ("RATE_LIMIT_MOVES", "5/d"),
        ("RATE_LIMIT_INITS", "no"),
        ("TRUSTED_PROXIES", "10.0.0.0/33"),
        ("TRUSTED_PROXIES", "10.0.0.1,"),
        ("TRUSTED_PROXIES", "proxy.internal"),
        ("DEFAULT_CURRENCY", "usd"),
        ("TRANSFER_FEE_BPS", "1.5"),
        ("TRANSFER_FEE_BPS", "10001"),
        ("BATCH_MAX", "0"),
        ("QUEUE_MAX", "1e4"),
        ("BANK_URL", "ftp://hush"),
        ("BANK_URL", "https://"),
        ("BANK_URL", "https://user:hush@bank.example"),
        ("BANK_URL", "https://bank.example/v1?key=hush"),
        ("BANK_TOKEN", "hush hush"),
        ("BANK_WEBHOOK_SECRET", "whsec_hush"),
        ("PAYOUT_QUEUE_MAX", "0"),
        ("SHUTDOWN_TIMEOUT", "2h"),
        ("LOG_FORMAT", "xml"),
        ("RUST_LOG", "info,wallet=loud"),
        ("FAIL_POINT", "nowhere"),
    ];
    for (name, value) in wrong {
        let value = if name == "JWT_SECRET" { &value[..31] } else { value };
        let problems = problems(with(&[(name, value)]));
        assert_eq!(problems.len(), 1, "{name}={value}: {problems:?}");
        assert!(problems[0].starts_with(name) && problems[0].ends_with('.'), "{name}={value}: {problems:?}");
        assert!(!problems[0].contains("hush"), "{problems:?}");
        assert_eq!(problems[0].lines().count(), 1);
    }
}

#[test]
fn possible_values_are_taken() {
    let config = with(&[
        ("DATABASE_URL", "postgresql:///wallet?host=/run/postgresql"),
        ("REDIS_URL", "redis://:hush@[::1]:6380/1"),
        ("KAFKA_BROKERS", "a-1.example:9092, [::1]:9093"),
        ("KAFKA_TOPIC_STATUS", "other_Topic.1"),
        ("HOST", "::1"),
        ("PORT", "0"),
        ("JWT_TTL", "15m"),
        ("JWT_SECRET", "12345678901234567890123456789012"),
        ("SHUTDOWN_TIMEOUT", "30s"),
        ("RATE_LIMIT_REFUSALS", "off"),
        ("RATE_LIMIT_MOVES", "5/s"),
        ("TRUSTED_PROXIES", "10.0.0.0/8, ::1"),
        ("DEFAULT_CURRENCY", "IDR"),
        ("TRANSFER_FEE_BPS", "0"),
        ("BANK_URL", "http://bank.internal:8099/v1/"),
        ("LOG_FORMAT", "json"),
        ("RUST_LOG", "wallet=debug,info"),
    ])
    .unwrap();
    assert_eq!(config.kafka_brokers.as_deref(), Some("a-1.example:9092,[::1]:9093"));
    assert_eq!((config.host.as_str(), config.port), ("::1", 0));
    assert_eq!((config.jwt_ttl_seconds, config.shutdown_timeout_seconds), (900, 30));
    assert_eq!((config.default_currency.as_str(), config.transfer_fee_bps), ("IDR", 0));
    assert_eq!((config.rate_limit_refusals, config.rate_limit_moves), (None, "5/s".parse().ok()));
    assert_eq!(config.trusted_proxies, ["10.0.0.0/8", "::1"].map(|network| network.parse().unwrap()));
    assert_eq!((config.log_format, config.log_filter.as_str()), (LogFormat::Json, "wallet=debug,info"));
    for codec in Compression::ALL {
        assert_eq!(with(&[("KAFKA_COMPRESSION", codec.as_str())]).unwrap().kafka_compression, codec);
    }
    for url in [
        "postgres://host/db",
        "postgres://u:p%40:x@host:5432/db",
        "postgres://u@[::1]/db",
        "postgres://[::1]:5/d",
    ] {
        assert!(with(&[("DATABASE_URL", url)]).is_ok(), "{url}");
    }
}

#[test]
fn all_problems_are_reported_at_once_one_line_each() {
    let environment = [("PORT", "x"), ("JWT_SECRT", "hush"), ("DEFAULT_CURRENCY", "$"), ("LOG_FORMAT", "x")];
    let error = read(&environment, &[("SPEED", "hush")]).unwrap_err();
    assert_eq!(error.problems.len(), 6, "{error}");
    assert_eq!(error.to_string().lines().count(), 6);
    for name in ["DATABASE_URL", "PORT", "JWT_SECRT", "DEFAULT_CURRENCY", "LOG_FORMAT", "SPEED"] {
        assert!(error.problems.iter().any(|problem| problem.starts_with(name)), "{name}: {error}");
    }
    assert!(!error.to_string().contains("hush"), "{error}");
}

#[test]
fn the_environment_replaces_the_file_and_an_empty_value_is_none() {
    let config = read(
        &[DATABASE, ("PORT", "1"), ("REDIS_URL", "")],
        &[("PORT", "2"), ("HOST", "localhost"), ("REDIS_URL", "redis://elsewhere"), ("LOG_FORMAT", "")],
    )
    .unwrap();
    assert_eq!((config.port, config.host.as_str(), config.redis_url), (1, "localhost", None));
    assert_eq!(config.log_format, LogFormat::Text);
}

#[test]
fn a_file_with_an_unknown_or_a_repeated_name_is_refused() {
    let unknown = problems(read(&[DATABASE], &[("SPEED", "1")]));
    assert_eq!(unknown, ["SPEED in .env is no variable of this service."]);
    let misspelled = problems(read(&[DATABASE], &[("DATABASE_POOL_MX", "1")]));
    assert_eq!(
        misspelled,
        ["DATABASE_POOL_MX in .env is no variable of this service: was DATABASE_POOL_MAX meant?"]
    );
    let twice = problems(read(&[DATABASE], &[("PORT", "1"), ("PORT", "2")]));
    assert_eq!(twice, ["PORT stands more than once in .env."]);
}

#[test]
fn the_environment_may_hold_unknown_names_but_no_misspelled_ones() {
    assert!(with(&[("HOME", "/root"), ("SPEED", "1"), ("PATH", "/bin")]).is_ok());
    let misspelled = problems(with(&[("KAFKA_BROKER", "localhost:9092")]));
    assert_eq!(misspelled, ["KAFKA_BROKER in the environment looks like a misspelled KAFKA_BROKERS."]);
}

#[test]
fn a_file_is_read_as_dotenvy_reads_it_and_bad_lines_are_not_repeated() {
    let mut problems = Vec::new();
    let text = "\u{feff}# a comment\nPORT=1\nexport HOST='localhost'\n\nJWT_SECRET=\"two words\" # why\n";
    let settings = lines_of(text, &mut problems);
    let own = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(settings, [own("PORT", "1"), own("HOST", "localhost"), own("JWT_SECRET", "two words")]);
    assert_eq!(problems, Vec::<String>::new());
    lines_of("JWT_SECRET=hush hush hush\nhush\n", &mut problems);
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert!(problems[0].contains("JWT_SECRET"), "{problems:?}");
    assert!(!problems.concat().contains("hush"), "{problems:?}");
}

#[test]
fn nothing_secret_is_shown_by_debug() {
    let config =
        with(&[("REDIS_URL", "redis://:hush@host"), ("JWT_SECRET", "hush".repeat(8).as_str())]).unwrap();
    assert!(!format!("{config:?} {:?}", config.jwt_secret).contains("hush"));
}

#[test]
fn in_production_operators_have_a_port_of_their_own_and_an_end_is_announced() {
    let production = [
        ("APP_ENV", "production"),
        ("JWT_SECRET", "Wq3v7Zk1pXc9Lr5tYb8nMd2sGf6hJa4u"),
        ("SERVICE_API_KEY", "k7Tz2Qm9Rw4Xv1Bn6Hc3Ld8Sg5Fj0Ypa"),
    ];
    let of = |more: &[(&str, &str)]| with(&[&production[..], more].concat()).unwrap();
    assert_eq!((of(&[]).admin_port, of(&[]).shutdown_delay_seconds), (Some(8090), 5));
    assert_eq!(of(&[("ADMIN_PORT", "off")]).admin_port, None);
    assert_eq!(of(&[("ADMIN_PORT", "0"), ("PORT", "0")]).admin_port, Some(0));
    let development = with(&[]).unwrap();
    assert_eq!((development.admin_port, development.shutdown_delay_seconds), (None, 0));
    assert_eq!(with(&[("ADMIN_PORT", "9000")]).unwrap().admin_port, Some(9000));
    let same = problems(with(&[("ADMIN_PORT", "9000"), ("PORT", "9000")]));
    assert_eq!(same, ["ADMIN_PORT must be another port than PORT, or off."]);
    assert_eq!(problems(with(&[("ADMIN_PORT", "none")])).len(), 1);
}
