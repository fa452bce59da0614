//! The names of the variables, and the values of those that are not set.

use super::settings::{AppEnv, Compression, LogFormat};
use crate::kernel::quota::{Period, Quota};

/// Every variable that the service reads, in the order of `.env.example`.
pub const VARIABLES: [&str; 49] = [
    "DATABASE_URL",
    "DATABASE_POOL_MAX",
    "REDIS_URL",
    "REDIS_PREFIX",
    "REDIS_CA_FILE",
    "KAFKA_BROKERS",
    "KAFKA_TOPIC_TRANSACTIONS",
    "KAFKA_TOPIC_STATUS",
    "KAFKA_PARTITIONS",
    "KAFKA_REPLICATION",
    "KAFKA_COMPRESSION",
    "KAFKA_GROUP_PREFIX",
    "KAFKA_SECURITY_PROTOCOL",
    "KAFKA_CA_FILE",
    "KAFKA_SASL_MECHANISM",
    "KAFKA_SASL_USERNAME",
    "KAFKA_SASL_PASSWORD",
    "HOST",
    "PORT",
    "ADMIN_PORT",
    "CONNECTIONS_MAX",
    "APP_ENV",
    "TRUSTED_NETWORK",
    "JWT_SECRET",
    "JWT_TTL",
    "ACCESS_TTL",
    "REFRESH_TTL",
    "SESSION_TTL",
    "PASSWORD_MEMORY_KIB",
    "PASSWORD_PASSES",
    "SERVICE_API_KEY",
    "RATE_LIMIT_REFUSALS",
    "RATE_LIMIT_FAILURES",
    "RATE_LIMIT_MOVES",
    "RATE_LIMIT_INITS",
    "TRUSTED_PROXIES",
    "DEFAULT_CURRENCY",
    "TRANSFER_FEE_BPS",
    "BATCH_MAX",
    "QUEUE_MAX",
    "BANK_URL",
    "BANK_TOKEN",
    "BANK_WEBHOOK_SECRET",
    "PAYOUT_QUEUE_MAX",
    "SHUTDOWN_DELAY",
    "SHUTDOWN_TIMEOUT",
    "LOG_FORMAT",
    "RUST_LOG",
    "FAIL_POINT",
];

/// Variables whose values are never shown, because they are secrets or may hold a password.
pub(super) const SECRET: [&str; 8] = [
    "DATABASE_URL",
    "REDIS_URL",
    "KAFKA_SASL_PASSWORD",
    "JWT_SECRET",
    "SERVICE_API_KEY",
    "BANK_URL",
    "BANK_TOKEN",
    "BANK_WEBHOOK_SECRET",
];

/// The secret of tokens in development if none is set. It is public, so production refuses it.
pub const DEVELOPMENT_JWT_SECRET: &str = "known-to-everybody-and-refused-in-production";

/// The token of the simulated bank, and the secret by which it signs its callbacks. Both are public, so production refuses
/// them.
pub const DEVELOPMENT_BANK_TOKEN: &str = "known-to-everybody-as-the-token-of-the-bank";
pub const DEVELOPMENT_BANK_WEBHOOK_SECRET: &str =
    "whsec_a25vd24tdG8tZXZlcnlib2R5LWFuZC1yZWZ1c2VkLWluLXByb2R1Y3Rpb24=";

/// An HMAC key shorter than the hash (256 bits) weakens it (RFC 7518, section 3.2).
pub(super) const JWT_SECRET_MIN_BYTES: usize = 32;

pub(super) const DATABASE_POOL_MAX: u32 = 10;
pub(super) const REDIS_PREFIX: &str = "wallet:";
pub(super) const KAFKA_TOPIC_TRANSACTIONS: &str = "wallet.created-transaction";
pub(super) const KAFKA_TOPIC_STATUS: &str = "wallet.changed-status";
pub(super) const KAFKA_PARTITIONS: i32 = 6;
pub(super) const KAFKA_REPLICATION: i32 = 1;
pub(super) const KAFKA_COMPRESSION: Compression = Compression::None;
pub(super) const KAFKA_GROUP_PREFIX: &str = "wallet";
pub(super) const HOST: &str = "0.0.0.0";
/// In development, while tokens are signed with the public secret.
pub(super) const PRIVATE_HOST: &str = "127.0.0.1";
pub(super) const PORT: u16 = 8089;
pub(super) const PRODUCTION_ADMIN_PORT: u16 = 8090;
pub(super) const CONNECTIONS_MAX: usize = 4_096;
pub(super) const APP_ENV: AppEnv = AppEnv::Development;
pub(super) const JWT_TTL_SECONDS: u64 = 24 * 60 * 60;
pub(super) const ACCESS_TTL_SECONDS: u64 = 15 * 60;
/// A session's tokens are revoked for as long as they are valid.
pub(super) const ACCESS_TTL_MAX_SECONDS: u64 = 24 * 60 * 60;
pub(super) const REFRESH_TTL_SECONDS: u64 = 30 * 24 * 60 * 60;
pub(super) const SESSION_TTL_SECONDS: u64 = 90 * 24 * 60 * 60;
/// OWASP's Password Storage Cheat Sheet asks of Argon2id for 19 MiB and two passes with one lane at least.
pub(super) const PASSWORD_MEMORY_KIB: u32 = 19 * 1_024;
pub(super) const PASSWORD_PASSES: u32 = 2;
/// Below it a stolen hash is too cheap to guess from.
pub(super) const PASSWORD_MEMORY_MIN_KIB_IN_PRODUCTION: u32 = 19 * 1_024;
/// Ten years: a longer-lived token would outlive every key.
pub(super) const JWT_TTL_MAX_SECONDS: u64 = 10 * 365 * 24 * 60 * 60;
/// In production: no process should have to remember for longer what was revoked.
pub(super) const JWT_TTL_MAX_SECONDS_IN_PRODUCTION: u64 = 30 * 24 * 60 * 60;
/// A person who mistypes amounts stays far below it; a client in a loop writes at most 100,000 rows a day.
pub(super) const RATE_LIMIT_REFUSALS: Option<Quota> = Quota::try_new(60, Period::Minute);
/// Many customers may share one address, each with a token that has just expired.
pub(super) const RATE_LIMIT_FAILURES: Option<Quota> = Quota::try_new(30, Period::Minute);
pub(super) const RATE_LIMIT_MOVES: Option<Quota> = None;
pub(super) const RATE_LIMIT_INITS: Option<Quota> = None;
pub(super) const DEFAULT_CURRENCY: &str = "USD";
pub(super) const TRANSFER_FEE_BPS: u32 = 150;
pub(super) const BATCH_MAX: usize = 256;
pub(super) const QUEUE_MAX: usize = 10_000;
pub(super) const PAYOUT_QUEUE_MAX: usize = 10_000;
/// A load balancer that checks every two seconds has noticed after two checks.
pub(super) const PRODUCTION_SHUTDOWN_DELAY_SECONDS: u64 = 5;
pub(super) const SHUTDOWN_TIMEOUT_SECONDS: u64 = 10;
pub(super) const LOG_FORMAT: LogFormat = LogFormat::Text;
/// Libraries log every statement and every reconnect; the service's own lines have what an operator needs.
pub(super) const RUST_LOG: &str = "info,rdkafka=warn,librdkafka=warn,sqlx=warn,sea_orm=warn,poem=warn";
