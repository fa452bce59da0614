//! Makes a checked [`Config`] of names and texts; pure, so that every rule can be tested.

use std::collections::BTreeMap;

use super::{
    defaults::{self, DEVELOPMENT_JWT_SECRET},
    production::Production,
    reader::Reader,
    settings::{AppEnv, Config, ConfigError, KafkaLogin, KafkaSecurity, Secret, Topics},
    urls, values,
};
use crate::kernel::{currency::Currency, topics::DEAD_LETTER_SUFFIX};

/// Checks every variable and reports all problems at once. A variable of the environment replaces the same one of the
/// file, also when it is empty; an empty one counts as not given.
pub(super) fn config(
    environment: &BTreeMap<String, String>,
    file: &[(String, String)],
) -> Result<Config, ConfigError> {
    let mut reader = Reader::default();
    reader.take_file(file);
    reader.take_environment(environment);
    let config = reader.read();
    match config {
        Some(config) if reader.problems.is_empty() => Ok(config),
        _ => Err(ConfigError { problems: reader.problems }),
    }
}

impl Reader<'_> {
    /// None only when the currency is invalid; every problem is noted.
    fn read(&mut self) -> Option<Config> {
        let database_url = self.given("DATABASE_URL", urls::database_url);
        if database_url.is_none() && self.value("DATABASE_URL").is_none() {
            self.problems.push(
                "DATABASE_URL must be given: where the books are, such as postgres://user:password@host:5432/database."
                    .to_owned(),
            );
        }
        let app_env = self.or("APP_ENV", values::app_env, defaults::APP_ENV);
        let given_secret = self.jwt_secret(app_env);
        let jwt_secret =
            given_secret.clone().unwrap_or_else(|| Secret::new(DEVELOPMENT_JWT_SECRET.to_owned()));
        let service_api_key = self.service_api_key(app_env);
        let default_currency = self.default_currency();
        let topics = self.topics();
        // A release build only checks that it is not set.
        #[cfg_attr(not(debug_assertions), allow(unused_variables))]
        let fail_point = self.given("FAIL_POINT", values::fail_point(app_env));
        let port = self.or("PORT", values::number(0..=u16::MAX), defaults::PORT);
        let trusts_the_network = self.or("TRUSTED_NETWORK", values::truth, false);
        let is_known = jwt_secret.expose() == DEVELOPMENT_JWT_SECRET;
        let default_host = match app_env {
            AppEnv::Development if is_known => defaults::PRIVATE_HOST,
            _ => defaults::HOST,
        };
        let config = Config {
            database_url: database_url.unwrap_or_default(),
            redis_url: self.given("REDIS_URL", urls::redis_url),
            kafka_brokers: self.given("KAFKA_BROKERS", values::brokers),
            redis_ca_file: self.given("REDIS_CA_FILE", values::file),
            kafka_security: self.kafka_security(),
            topics,
            kafka_partitions: self.or(
                "KAFKA_PARTITIONS",
                values::number(1..=10_000),
                defaults::KAFKA_PARTITIONS,
            ),
            kafka_replication: self.or(
                "KAFKA_REPLICATION",
                values::number(1..=100),
                defaults::KAFKA_REPLICATION,
            ),
            kafka_compression: self.or("KAFKA_COMPRESSION", values::compression, defaults::KAFKA_COMPRESSION),
            kafka_group_prefix: self.text(
                "KAFKA_GROUP_PREFIX",
                values::plain_name,
                defaults::KAFKA_GROUP_PREFIX,
            ),
            redis_prefix: self.text("REDIS_PREFIX", values::visible, defaults::REDIS_PREFIX),
            host: self.text("HOST", values::host, default_host),
            host_is_given: self.value("HOST").is_some(),
            port,
            admin_port: self.admin_port(app_env, port),
            connections_max: self.or(
                "CONNECTIONS_MAX",
                values::number(1..=1_000_000),
                defaults::CONNECTIONS_MAX,
            ),
            app_env,
            jwt_secret,
            jwt_ttl_seconds: self.or(
                "JWT_TTL",
                values::seconds(1..=defaults::JWT_TTL_MAX_SECONDS),
                defaults::JWT_TTL_SECONDS,
            ),
            access_ttl_seconds: self.or(
                "ACCESS_TTL",
                values::seconds(1..=defaults::ACCESS_TTL_MAX_SECONDS),
                defaults::ACCESS_TTL_SECONDS,
            ),
            refresh_ttl_seconds: self.or(
                "REFRESH_TTL",
                values::seconds(1..=defaults::JWT_TTL_MAX_SECONDS),
                defaults::REFRESH_TTL_SECONDS,
            ),
            session_ttl_seconds: self.or(
                "SESSION_TTL",
                values::seconds(1..=defaults::JWT_TTL_MAX_SECONDS),
                defaults::SESSION_TTL_SECONDS,
            ),
            password_memory_kib: self.or(
                "PASSWORD_MEMORY_KIB",
                values::number(8..=4_194_304),
                defaults::PASSWORD_MEMORY_KIB,
            ),
            password_passes: self.or("PASSWORD_PASSES", values::number(1..=100), defaults::PASSWORD_PASSES),
            service_api_key,
            rate_limit_refusals: self.or("RATE_LIMIT_REFUSALS", values::quota, defaults::RATE_LIMIT_REFUSALS),
            rate_limit_failures: self.or("RATE_LIMIT_FAILURES", values::quota, defaults::RATE_LIMIT_FAILURES),
            rate_limit_moves: self.or("RATE_LIMIT_MOVES", values::quota, defaults::RATE_LIMIT_MOVES),
            rate_limit_inits: self.or("RATE_LIMIT_INITS", values::quota, defaults::RATE_LIMIT_INITS),
            trusted_proxies: self.or("TRUSTED_PROXIES", values::networks, Vec::new()),
            transfer_fee_bps: self.or(
                "TRANSFER_FEE_BPS",
                values::number(0..=10_000),
                defaults::TRANSFER_FEE_BPS,
            ),
            batch_max: self.or("BATCH_MAX", values::number(1..=10_000), defaults::BATCH_MAX),
            queue_max: self.or("QUEUE_MAX", values::number(1..=1_000_000), defaults::QUEUE_MAX),
            bank: self.bank(app_env),
            payout_queue_max: self.or(
                "PAYOUT_QUEUE_MAX",
                values::number(1..=1_000_000),
                defaults::PAYOUT_QUEUE_MAX,
            ),
            database_pool_max: self.or(
                "DATABASE_POOL_MAX",
                values::number(1..=1_000),
                defaults::DATABASE_POOL_MAX,
            ),
            shutdown_delay_seconds: self.or(
                "SHUTDOWN_DELAY",
                values::seconds(0..=600),
                match app_env {
                    AppEnv::Development => 0,
                    AppEnv::Production => defaults::PRODUCTION_SHUTDOWN_DELAY_SECONDS,
                },
            ),
            shutdown_timeout_seconds: self.or(
                "SHUTDOWN_TIMEOUT",
                values::seconds(1..=3_600),
                defaults::SHUTDOWN_TIMEOUT_SECONDS,
            ),
            log_format: self.or("LOG_FORMAT", values::log_format, defaults::LOG_FORMAT),
            log_filter: self.text("RUST_LOG", values::log_filter, defaults::RUST_LOG),
            #[cfg(debug_assertions)]
            fail_point,
            // Last: it may return, and every other variable must be checked before.
            default_currency: default_currency?,
        };
        self.check_transport(&config);
        if app_env == AppEnv::Production {
            // Where the driver finds a Postgres whose URL names no host.
            let default_host = self.value("PGHOSTADDR").or_else(|| self.value("PGHOST"));
            let production =
                Production { config: &config, given_secret: given_secret.as_ref(), default_host };
            self.problems.extend(production.problems(trusts_the_network));
        }
        Some(config)
    }

    fn kafka_security(&mut self) -> KafkaSecurity {
        let protocol = self.given("KAFKA_SECURITY_PROTOCOL", values::security_protocol);
        let (is_encrypted, has_login) = protocol.unwrap_or_default();
        let ca_file = self.given("KAFKA_CA_FILE", values::file);
        let mechanism = self.given("KAFKA_SASL_MECHANISM", values::sasl_mechanism);
        let username = self.given("KAFKA_SASL_USERNAME", values::one_line);
        let password = self.given("KAFKA_SASL_PASSWORD", values::one_line).map(Secret::new);
        if has_login {
            for name in ["KAFKA_SASL_MECHANISM", "KAFKA_SASL_USERNAME", "KAFKA_SASL_PASSWORD"] {
                if self.value(name).is_none() {
                    self.problems
                        .push(format!("{name} must be given: KAFKA_SECURITY_PROTOCOL asks for a login."));
                }
            }
        }
        let login = match (mechanism, username, password) {
            (Some(mechanism), Some(username), Some(password)) if has_login => {
                Some(KafkaLogin { mechanism, username, password })
            }
            _ => None,
        };
        KafkaSecurity { is_encrypted, ca_file, login }
    }

    /// Refuses a security setting without effect: with it, a connection would be believed safer than it is.
    fn check_transport(&mut self, config: &Config) {
        if config.redis_ca_file.is_some()
            && config.redis_url.as_ref().is_some_and(|url| !url.starts_with("rediss://"))
        {
            self.problems.push("REDIS_CA_FILE needs a REDIS_URL that begins with rediss://.".to_owned());
        }
        if config.kafka_brokers.is_none()
            || self.problems.iter().any(|problem| problem.starts_with("KAFKA_S"))
        {
            return;
        }
        let KafkaSecurity { is_encrypted, ca_file, login } = &config.kafka_security;
        if ca_file.is_some() && !is_encrypted {
            self.problems.push("KAFKA_CA_FILE needs KAFKA_SECURITY_PROTOCOL=SSL or SASL_SSL.".to_owned());
        }
        for name in ["KAFKA_SASL_MECHANISM", "KAFKA_SASL_USERNAME", "KAFKA_SASL_PASSWORD"] {
            if login.is_none() && self.value(name).is_some() {
                self.problems
                    .push(format!("{name} needs KAFKA_SECURITY_PROTOCOL=SASL_SSL or SASL_PLAINTEXT."));
            }
        }
    }

    fn jwt_secret(&mut self, app_env: AppEnv) -> Option<Secret> {
        if app_env == AppEnv::Production && self.value("JWT_SECRET").is_none() {
            self.problems.push("JWT_SECRET must be given in production.".to_owned());
        }
        self.given("JWT_SECRET", values::jwt_secret)
    }

    fn service_api_key(&mut self, app_env: AppEnv) -> Option<Secret> {
        if app_env == AppEnv::Production && self.value("SERVICE_API_KEY").is_none() {
            self.problems
                .push("SERVICE_API_KEY must be given in production: it guards POST /init.".to_owned());
        }
        self.given("SERVICE_API_KEY", values::api_key)
    }

    /// The operators' port; in production there is one by default.
    fn admin_port(&mut self, app_env: AppEnv, port: u16) -> Option<u16> {
        if self.value("ADMIN_PORT").is_none() {
            return (app_env == AppEnv::Production).then_some(defaults::PRODUCTION_ADMIN_PORT);
        }
        let admin_port = self.given("ADMIN_PORT", values::port_or_off).flatten();
        if port != 0 && admin_port == Some(port) {
            self.problems.push("ADMIN_PORT must be another port than PORT, or off.".to_owned());
        }
        admin_port
    }

    fn default_currency(&mut self) -> Option<Currency> {
        let text = self.value("DEFAULT_CURRENCY").unwrap_or(defaults::DEFAULT_CURRENCY);
        self.check("DEFAULT_CURRENCY", text, values::currency)
    }

    fn topics(&mut self) -> Topics {
        let transactions =
            self.text("KAFKA_TOPIC_TRANSACTIONS", values::topic, defaults::KAFKA_TOPIC_TRANSACTIONS);
        let status = self.text("KAFKA_TOPIC_STATUS", values::topic, defaults::KAFKA_TOPIC_STATUS);
        let dead = |topic: &str| format!("{topic}{DEAD_LETTER_SUFFIX}");
        if transactions == status || dead(&transactions) == status || dead(&status) == transactions {
            self.problems.push(format!(
                "KAFKA_TOPIC_STATUS must be another topic than KAFKA_TOPIC_TRANSACTIONS and its {DEAD_LETTER_SUFFIX}."
            ));
        }
        Topics { transactions, status }
    }
}
