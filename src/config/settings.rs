//! The settings, and their types.

use std::fmt;

use thiserror::Error;

#[cfg(debug_assertions)]
use crate::fail_point::Armed;
use crate::kernel::{currency::Currency, network::Network, quota::Quota};

/// All settings, checked.
#[derive(Clone, PartialEq, Eq)]
pub struct Config {
    /// Where the books are: a `postgres://` or `postgresql://` URL. May hold a password.
    pub database_url: String,
    /// `redis://` or `rediss://`, with TLS. None: the in-process cache. May hold a password.
    pub redis_url: Option<String>,
    /// The certificates (PEM) of the authorities that are trusted for Redis; none: those that the system trusts.
    pub redis_ca_file: Option<String>,
    /// `host:port`, several with commas between them. None: the in-process bus.
    pub kafka_brokers: Option<String>,
    /// TLS and login for the brokers.
    pub kafka_security: KafkaSecurity,
    pub topics: Topics,
    /// Partitions of a topic that the service creates.
    pub kafka_partitions: i32,
    /// Replicas of a topic that the service creates.
    pub kafka_replication: i32,
    /// The compression of published messages.
    pub kafka_compression: Compression,
    /// In front of every consumer group's name.
    pub kafka_group_prefix: String,
    /// In front of every key in Redis.
    pub redis_prefix: String,
    /// The address to listen on: an IP address or a name.
    pub host: String,
    /// Whether `host` is set, and not the default.
    pub host_is_given: bool,
    /// 0 picks a free one.
    pub port: u16,
    /// Where `/metrics`, `/swagger` and the details of `/health` are; none: on `port`. 0 picks a free one.
    pub admin_port: Option<u16>,
    /// Maximum number of connections of clients.
    pub connections_max: usize,
    pub app_env: AppEnv,
    /// At least 32 bytes; in production never the published one.
    pub jwt_secret: Secret,
    /// The lifetime of a token, in seconds.
    pub jwt_ttl_seconds: u64,
    /// The lifetime of a session's access token, in seconds.
    pub access_ttl_seconds: u64,
    /// How long a refresh token is accepted, in seconds.
    pub refresh_ttl_seconds: u64,
    /// How long a session goes on, in seconds.
    pub session_ttl_seconds: u64,
    /// The memory that the hash of a password takes, in KiB.
    pub password_memory_kib: u32,
    /// How often the hash goes through that memory.
    pub password_passes: u32,
    /// The key that `POST /init` needs in `X-Api-Key`; none: no key.
    pub service_api_key: Option<Secret>,
    /// Maximum number of a wallet's refused requests before refusals are no longer stored; none: no limit.
    pub rate_limit_refusals: Option<Quota>,
    /// Maximum number of failed credentials of one source; none: no limit.
    pub rate_limit_failures: Option<Quota>,
    /// Maximum number of a wallet's requests to move money; none: no limit.
    pub rate_limit_moves: Option<Quota>,
    /// Maximum number of wallets that one source may open without a service key; none: no limit.
    pub rate_limit_inits: Option<Quota>,
    /// The proxies whose `X-Forwarded-For` is trusted.
    pub trusted_proxies: Vec<Network>,
    pub default_currency: Currency,
    /// The sender's fee for a transfer, in basis points (hundredths of a per cent) of the amount.
    pub transfer_fee_bps: u32,
    /// Maximum number of operations in a batch.
    pub batch_max: usize,
    /// Maximum number of operations that wait for a batch; more are refused at once.
    pub queue_max: usize,
    /// The bank that pays out; none: payouts are refused.
    pub bank: Option<BankAccess>,
    /// Maximum number of payouts that wait for the bank; more are refused at once.
    pub payout_queue_max: usize,
    /// Maximum number of connections of the pool for reads; up to 11 others are opened beside it.
    pub database_pool_max: u32,
    /// How long the service serves after SIGTERM while it reports that it is not ready, in seconds.
    pub shutdown_delay_seconds: u64,
    /// Timeout for the requests that were read before that, in seconds.
    pub shutdown_timeout_seconds: u64,
    pub log_format: LogFormat,
    /// The log's directives, as `tracing-subscriber` reads them.
    pub log_filter: String,
    /// Where the process or a task dies, for tests; release builds have no fail points.
    #[cfg(debug_assertions)]
    pub fail_point: Option<Armed>,
}

/// The names of the two topics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topics {
    pub transactions: String,
    pub status: String,
}

/// Where the bank is, and how the wallet and the bank know each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BankAccess {
    /// `https://` or `http://`, without a login, a query, and a slash at its end.
    pub url: String,
    /// Sent with each request.
    pub token: Secret,
    /// `whsec_` and base64: what the bank signs its callbacks with.
    pub webhook_secret: Secret,
}

/// The environment in which the service runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AppEnv {
    Development,
    /// Refuses weak settings.
    Production,
}

/// The compression of messages: the codecs that every build of the service has. Consumers need the chosen one too, and
/// some have gzip only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    None,
    Gzip,
    Lz4,
    Snappy,
}

impl Compression {
    /// Every codec.
    pub const ALL: [Self; 4] = [Self::None, Self::Gzip, Self::Lz4, Self::Snappy];

    /// Its name, as Kafka's clients spell it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Lz4 => "lz4",
            Self::Snappy => "snappy",
        }
    }
}

/// TLS and login for Kafka's brokers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KafkaSecurity {
    /// With TLS.
    pub is_encrypted: bool,
    /// The certificates (PEM) of the authorities that are trusted for the brokers; none: those that the system trusts.
    pub ca_file: Option<String>,
    /// None: without a login.
    pub login: Option<KafkaLogin>,
}

/// A login by SASL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KafkaLogin {
    pub mechanism: SaslMechanism,
    pub username: String,
    pub password: Secret,
}

/// How a password is sent to a broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SaslMechanism {
    /// In the clear: needs TLS, or a trusted network.
    Plain,
    ScramSha256,
    ScramSha512,
}

impl SaslMechanism {
    /// Every mechanism.
    pub const ALL: [Self; 3] = [Self::Plain, Self::ScramSha256, Self::ScramSha512];

    /// Its name (<https://www.iana.org/assignments/sasl-mechanisms>).
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha512 => "SCRAM-SHA-512",
        }
    }
}

/// The format of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    Text,
    Json,
}

/// A text that is never logged.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

/// All problems of the configuration: one sentence each, which names the variable and shows no secret. Printed as one
/// line each.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{}", .problems.join("\n"))]
pub struct ConfigError {
    pub problems: Vec<String>,
}

impl Secret {
    /// Wraps a secret.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The secret itself, for the code that uses it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Leaves out all fields that may hold a password.
impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("app_env", &self.app_env)
            .field("host", &self.host)
            .field("port", &self.port)
            .field("kafka_brokers", &self.kafka_brokers)
            .field("topics", &self.topics)
            .field("has_redis", &self.redis_url.is_some())
            .finish_non_exhaustive()
    }
}
