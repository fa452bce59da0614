//! What production refuses, how servers are spoken to, and where development listens.

use super::*;

/// What production needs at least, beside a database.
const PRODUCTION: [(&str, &str); 3] = [
    ("APP_ENV", "production"),
    ("JWT_SECRET", "a secret of Tests, 32 characters"),
    ("SERVICE_API_KEY", "a-key-of-Tests-and-32-characters"),
];

/// A bank, and what production needs of it.
const BANK: [(&str, &str); 3] = [
    ("BANK_URL", "https://bank.example/v1"),
    ("BANK_TOKEN", "short"),
    ("BANK_WEBHOOK_SECRET", "whsec_VGhpcyBpcyBhIHNlY3JldCBvZiB0aGUgdGVzdHM="),
];

fn in_production(more: &[(&str, &str)]) -> Result<Config, ConfigError> {
    with(&[&PRODUCTION, more].concat())
}

#[test]
fn production_needs_two_secrets_and_no_fail_point() {
    assert_eq!(in_production(&[]).unwrap().app_env, AppEnv::Production);
    assert_eq!(problems(with(&PRODUCTION[..1])).len(), 2);
    assert!(problems(in_production(&[("JWT_SECRET", "")]))[0].starts_with("JWT_SECRET must be given"));
    assert!(
        problems(in_production(&[("SERVICE_API_KEY", "")]))[0].starts_with("SERVICE_API_KEY must be given")
    );
    let armed = ("FAIL_POINT", "batch.locked");
    assert!(problems(in_production(&[armed]))[0].starts_with("FAIL_POINT must not be set"));
    assert_eq!(with(&[armed]).is_ok(), cfg!(debug_assertions));
}

#[test]
fn production_refuses_weak_known_and_equal_secrets() {
    let known = "is one that everybody knows";
    let in_capitals = DEVELOPMENT_JWT_SECRET.to_uppercase();
    let with_blanks = format!(" {DEVELOPMENT_JWT_SECRET}\t");
    let in_pieces = DEVELOPMENT_JWT_SECRET.replace("-refused", "- refused");
    for (secret, weakness) in [
        (DEVELOPMENT_JWT_SECRET, known),
        (&in_capitals, known),
        (&with_blanks, known),
        (&in_pieces, known),
        ("a-string-secret-at-least-256-bits-long", known),
        ("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", known),
        ("secretsecretsecretsecretsecretsecret", "must have at least 12 different characters"),
        ("0123456789a0123456789a0123456789a", "must have at least 12 different characters"),
    ] {
        let problems = problems(in_production(&[("JWT_SECRET", secret)]));
        assert_eq!(problems.len(), 1, "{secret:?}: {problems:?}");
        assert!(problems[0].starts_with(&format!("JWT_SECRET {weakness}")), "{secret:?}: {problems:?}");
        assert!(!problems[0].contains(secret), "{problems:?}");
        assert!(with(&[("JWT_SECRET", secret)]).is_ok(), "in development every secret will do");
        if secret.bytes().all(|b| b.is_ascii_graphic()) {
            let refused = in_production(&[("SERVICE_API_KEY", secret)]).unwrap_err().to_string();
            assert!(refused.starts_with(&format!("SERVICE_API_KEY {weakness}")), "{refused}");
        }
    }
    // 32 bytes, but not 32 characters.
    let short = "äbcdefghijklmnopqrstuvwxyzABCDE";
    assert_eq!((short.len(), short.chars().count()), (32, 31));
    for (name, secret) in [("JWT_SECRET", short), ("SERVICE_API_KEY", "abcdefghijklmnopqrstuvwxyzABCDE")] {
        let problems = problems(in_production(&[(name, secret)]));
        assert!(problems[0].starts_with(&format!("{name} must have at least 32 characters")), "{problems:?}");
    }
    let same = PRODUCTION[2].1;
    for secret in [same.to_owned(), format!("{same} "), same.to_uppercase()] {
        let problems = problems(in_production(&[("JWT_SECRET", &secret)]));
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].contains("must be two secrets"), "{problems:?}");
    }
}

#[test]
fn production_has_no_secret_of_the_simulated_bank() {
    let bank = in_production(&BANK).unwrap().bank.unwrap();
    assert_eq!((bank.url.as_str(), bank.token.expose()), (BANK[0].1, "short"));
    let public = [DEVELOPMENT_BANK_TOKEN, DEVELOPMENT_BANK_WEBHOOK_SECRET];
    for ((name, _), public) in BANK[1..].iter().zip(public) {
        for (value, complaint) in
            [("", "must be given in production"), (public, "is one that everybody knows")]
        {
            let problems = problems(in_production(&[&BANK[..], &[(*name, value)]].concat()));
            assert_eq!(problems.len(), 1, "{problems:?}");
            assert!(problems[0].starts_with(&format!("{name} {complaint}")), "{problems:?}");
            assert!(in_production(&[(*name, value)]).is_ok(), "without a bank it has no effect");
        }
    }
    let bank = with(&BANK[..1]).unwrap().bank.unwrap();
    assert_eq!([bank.token.expose(), bank.webhook_secret.expose()], public);
}

#[test]
fn production_refuses_tokens_for_more_than_30_days() {
    assert_eq!(
        problems(in_production(&[("PASSWORD_MEMORY_KIB", "19455")])),
        ["PASSWORD_MEMORY_KIB must be at least 19456 in production."]
    );
    assert_eq!(in_production(&[("JWT_TTL", "30d")]).unwrap().jwt_ttl_seconds, 2_592_000);
    assert_eq!(
        problems(in_production(&[("JWT_TTL", "2592001")])),
        ["JWT_TTL must be at most 30d in production."]
    );
    assert!(with(&[("JWT_TTL", "31d")]).is_ok());
}

#[test]
fn production_speaks_over_a_network_by_tls_unless_the_network_is_trusted() {
    let database = ("DATABASE_URL", "postgres://u:hush@db.example/wallet");
    let encrypted = ("DATABASE_URL", "postgres://u:hush@db.example/wallet?sslmode=verify-full");
    let redis = ("REDIS_URL", "redis://:hush@cache.example");
    let kafka = ("KAFKA_BROKERS", "127.0.0.1:9092,kafka.example:9092");
    let bank = [("BANK_URL", "http://bank.example"), BANK[1], BANK[2]];
    let elsewhere = ("PGHOST", "db.example");
    let local = ("DATABASE_URL", "postgres:///wallet");
    for (settings, named) in [
        (&[database][..], &["DATABASE_URL"][..]),
        (&[local, elsewhere], &["DATABASE_URL"]),
        (&[redis], &["REDIS_URL"]),
        (&bank, &["BANK_URL"]),
        (&[kafka], &["KAFKA_BROKERS"]),
        (&[kafka, ("KAFKA_SECURITY_PROTOCOL", "plaintext")], &["KAFKA_BROKERS"]),
        (&[database, redis, kafka], &["DATABASE_URL", "REDIS_URL", "KAFKA_BROKERS"]),
    ] {
        let problems = problems(in_production(settings));
        assert_eq!(problems.len(), named.len(), "{problems:?}");
        for (problem, name) in problems.iter().zip(named) {
            assert!(problem.starts_with(&format!("{name} leads over a network without TLS")), "{problem}");
            assert!(problem.contains("TRUSTED_NETWORK=true") && !problem.contains("hush"), "{problem}");
        }
        assert!(in_production(&[settings, &[("TRUSTED_NETWORK", "true")]].concat()).is_ok());
        assert!(in_production(&[settings, &[("TRUSTED_NETWORK", "false")]].concat()).is_err());
        assert!(with(settings).is_ok(), "development may");
    }
    let safe =
        [encrypted, ("REDIS_URL", "rediss://cache.example"), kafka, ("KAFKA_SECURITY_PROTOCOL", "SSL")];
    assert!(in_production(&safe).is_ok());
    assert!(in_production(&BANK).is_ok());
    assert!(in_production(&[local]).is_ok());
}

#[test]
fn kafka_is_spoken_to_as_the_protocol_says() {
    let brokers = ("KAFKA_BROKERS", "kafka.example:9093");
    let of = |more: &[(&str, &str)]| with(&[&[brokers], more].concat());
    assert_eq!(of(&[]).unwrap().kafka_security, KafkaSecurity::default());
    let ssl = of(&[("KAFKA_SECURITY_PROTOCOL", "ssl"), ("KAFKA_CA_FILE", "/etc/ca.pem")]).unwrap();
    let ca_file = Some("/etc/ca.pem".to_owned());
    assert_eq!(ssl.kafka_security, KafkaSecurity { is_encrypted: true, ca_file, login: None });
    let login = [
        ("KAFKA_SASL_MECHANISM", "SCRAM-SHA-512"),
        ("KAFKA_SASL_USERNAME", "u"),
        ("KAFKA_SASL_PASSWORD", "hush"),
    ];
    for (protocol, encrypted) in [("SASL_SSL", true), ("SASL_PLAINTEXT", false)] {
        let settings = [&[("KAFKA_SECURITY_PROTOCOL", protocol)], &login[..]].concat();
        let security = of(&settings).unwrap().kafka_security;
        let found = security.login.clone().unwrap();
        assert_eq!((security.is_encrypted, found.mechanism), (encrypted, SaslMechanism::ScramSha512));
        assert_eq!((found.username.as_str(), found.password.expose()), ("u", "hush"));
        assert!(!format!("{security:?}").contains("hush"));
        for left_out in 1..=3 {
            let mut fewer = settings.clone();
            let (name, _) = fewer.remove(left_out);
            assert!(problems(of(&fewer))[0].starts_with(&format!("{name} must be given")), "{name}");
        }
    }
    for (settings, name) in [
        (&login[..], "KAFKA_SASL_MECHANISM needs"),
        (&[("KAFKA_CA_FILE", "/etc/ca.pem")], "KAFKA_CA_FILE needs"),
        (&[("KAFKA_SECURITY_PROTOCOL", "TLS")], "KAFKA_SECURITY_PROTOCOL must be one of"),
        (&[("KAFKA_SASL_MECHANISM", "GSSAPI")], "KAFKA_SASL_MECHANISM must be one of"),
        (&[("KAFKA_SASL_PASSWORD", "hush\n")], "KAFKA_SASL_PASSWORD must be one line, without its end."),
        (&[("REDIS_URL", "redis://localhost"), ("REDIS_CA_FILE", "/etc/ca.pem")], "REDIS_CA_FILE needs"),
        (&[("TRUSTED_NETWORK", "yes")], "TRUSTED_NETWORK must be true or false"),
    ] {
        let problems = problems(of(settings));
        assert!(problems[0].starts_with(name), "{problems:?}");
        assert!(!problems.concat().contains("hush"), "{problems:?}");
    }
}

#[test]
fn with_the_known_secret_development_listens_on_the_loopback_only() {
    let host = |settings: &[(&str, &str)]| {
        let config = with(settings).unwrap();
        (config.host, config.host_is_given)
    };
    let own = |host: &str, is_given| (host.to_owned(), is_given);
    assert_eq!(host(&[]), own("127.0.0.1", false));
    assert_eq!(host(&[("JWT_SECRET", DEVELOPMENT_JWT_SECRET)]), own("127.0.0.1", false));
    assert_eq!(host(&[("HOST", "")]), own("127.0.0.1", false));
    assert_eq!(host(&[("HOST", "0.0.0.0")]), own("0.0.0.0", true));
    assert_eq!(host(&[PRODUCTION[1]]), own("0.0.0.0", false));
    assert_eq!(host(&PRODUCTION), own("0.0.0.0", false));
}
