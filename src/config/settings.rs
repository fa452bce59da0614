//! What can be set, and the values that it can have.

use std::fmt;

use thiserror::Error;

#[cfg(debug_assertions)]
use crate::kernel::fail_point::Armed;
use crate::kernel::{currency::Currency, network::Network, quota::Quota};

/// Everything that can be set, checked.
#[derive(Clone, PartialEq, Eq)]
pub struct Config {
    /// Where the books are: a `postgres://` or `postgresql://` URL. May hold a password.
    pub database_url: String,
    /// `redis://` or `rediss://`, with TLS. None: the in-process cache. May hold a password.
    pub redis_url: Option<String>,
    /// The certificates (PEM) that Redis' own must come from; none: those that the system trusts.
    pub redis_ca_file: Option<String>,
    /// `host:port`, several with commas between them. None: the in-process bus.
    pub kafka_brokers: Option<String>,
    /// How the brokers are spoken to.
    pub kafka_security: KafkaSecurity,
    pub topics: Topics,
    /// Of a topic that is made at start, because it is missing.
    pub kafka_partitions: i32,
    /// Of a topic that is made at start, because it is missing.
    pub kafka_replication: i32,
    /// How what is published is compressed.
    pub kafka_compression: Compression,
    /// In front of every consumer group's name.
    pub kafka_group_prefix: String,
    /// In front of every key in Redis.
    pub redis_prefix: String,
    /// The address to listen on: an IP address or a name.
    pub host: String,
    /// Whether `host` was chosen, and is not the default.
    pub host_is_given: bool,
    /// 0 picks a free one.
    pub port: u16,
    /// Where `/metrics`, `/swagger` and the details of `/health` are; none: on `port`. 0 picks a free one.
    pub admin_port: Option<u16>,
    /// How many connections clients may hold at once.
    pub connections_max: usize,
    pub app_env: AppEnv,
    /// At least 32 bytes; in production never the one that everybody knows.
    pub jwt_secret: Secret,
    /// How long a token holds, in seconds.
    pub jwt_ttl_seconds: u64,
    /// What `POST /init` needs in `X-Api-Key`; none: open.
    pub service_api_key: Option<Secret>,
    /// How many requests of a wallet the books may refuse before refusals are not stored any more; none: any number.
    pub rate_limit_refusals: Option<Quota>,
    /// How many credentials may fail from one source; none: any number.
    pub rate_limit_failures: Option<Quota>,
    /// How many requests to move money a wallet may make; none: any number.
    pub rate_limit_moves: Option<Quota>,
    /// How many wallets one source may open without a service key; none: any number.
    pub rate_limit_inits: Option<Quota>,
    /// Whose word on where a request comes from is taken.
    pub trusted_proxies: Vec<Network>,
    pub default_currency: Currency,
    /// What a sender pays for a transfer, in basis points (hundredths of a per cent) of the amount.
    pub transfer_fee_bps: u32,
    /// How many operations may share a commit.
    pub batch_max: usize,
    /// How many operations may wait for one; more are refused at once.
    pub queue_max: usize,
    /// How many connections the pool for reads may hold; up to 11 others are opened beside it.
    pub database_pool_max: u32,
    /// How long the service goes on after SIGTERM while it says that it is not ready, in seconds.
    pub shutdown_delay_seconds: u64,
    /// How long requests that have been read may take to end after that, in seconds.
    pub shutdown_timeout_seconds: u64,
    pub log_format: LogFormat,
    /// What is logged: directives as `tracing-subscriber` reads them.
    pub log_filter: String,
    /// Where the process or a task dies, for tests; release builds have no such place.
    #[cfg(debug_assertions)]
    pub fail_point: Option<Armed>,
}

/// The names of the two topics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topics {
    pub transactions: String,
    pub status: String,
}

/// Where the service runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AppEnv {
    Development,
    /// Refuses weak settings.
    Production,
}

/// How messages are compressed in the topics: the codecs that every build of ours has. Clients must have it, too, and
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

/// How Kafka's brokers are spoken to: TLS or not, with a login or without.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KafkaSecurity {
    /// TLS.
    pub is_encrypted: bool,
    /// The certificates (PEM) that a broker's own must come from; none: those that the system trusts.
    pub ca_file: Option<String>,
    /// None: nobody logs in.
    pub login: Option<KafkaLogin>,
}

/// A login by SASL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KafkaLogin {
    pub mechanism: SaslMechanism,
    pub username: String,
    pub password: Secret,
}

/// How a password is shown to a broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SaslMechanism {
    /// As it is: needs TLS, or a network that nobody else reads.
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

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    Text,
    Json,
}

/// A text that no log line shows.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

/// Everything that is wrong with the configuration: one sentence each, which names the variable and shows no secret.
/// Printed as one line each.
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

/// Leaves out what may hold a password.
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
