//! Configuration: the only place that reads the environment.

use crate::kernel::currency::Currency;

/// Everything that can be set, checked.
#[derive(Clone, Debug)]
pub struct Config {
    pub database_url: String,
    /// None: the in-process cache.
    pub redis_url: Option<String>,
    /// None: the in-process bus.
    pub kafka_brokers: Option<String>,
    pub topics: Topics,
    pub kafka_partitions: i32,
    pub kafka_replication: i32,
    /// In front of every consumer group's name.
    pub kafka_group_prefix: String,
    /// In front of every key in Redis.
    pub redis_prefix: String,
    pub host: String,
    /// 0 picks a free one.
    pub port: u16,
    pub app_env: AppEnv,
    pub jwt_secret: Secret,
    /// How long a token holds, in seconds.
    pub jwt_ttl_seconds: u64,
    /// What `POST /init` needs in `X-Api-Key`; none: open.
    pub service_api_key: Option<Secret>,
    pub default_currency: Currency,
    pub batch_max: usize,
    pub queue_max: usize,
    pub database_pool_max: u32,
    pub shutdown_timeout_seconds: u64,
    pub log_format: LogFormat,
    pub log_filter: String,
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

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    Text,
    Json,
}

/// A text that no log line shows.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The secret itself, for whoever must use it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}
