//! Connects to the servers, before the components are wired.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, bail, ensure};
use tokio::{
    sync::Notify,
    time::{Instant, sleep},
};
use tracing::{info, warn};

use crate::{
    adapters::{
        bank::{BankSettings, HttpBank, WebhookVerifier},
        clock::SystemClock,
        kafka::{KafkaBus, KafkaSettings},
        redis::{RedisAddress, RedisCache},
    },
    cache::Freshness,
    config::{AppEnv, Config},
    db::{
        self, DbError,
        migrator::{self, Direction, SchemaFault},
    },
    events::relay::RelayState,
    identity::{HashCost, PasswordHasher, Revocations},
    ledger::{
        log,
        posting::{
            BatchClock, LoopSettings, PostingLoop,
            store::{self, EntryAhead},
        },
    },
    limits::{Limits, Quotas},
    payouts::{Bank, CallbackVerifier, PayoutQueue},
};

/// Timeout for Postgres to become reachable at the start.
const POSTGRES_START_TIMEOUT: Duration = Duration::from_secs(30);
const POSTGRES_UNUSABLE: &str = "Postgres, as DATABASE_URL names it, cannot be used";
/// Time to live of a view in Redis without Kafka, where the events of a dead process are lost.
const TIME_TO_LIVE_WITHOUT_KAFKA: Duration = Duration::from_secs(2);

/// The clients of the servers, from which the module is built.
pub struct Infra {
    pub shared: Shared,
    /// None: the in-process bus.
    pub kafka: Option<KafkaBus>,
    /// None: the in-process cache.
    pub redis: Option<RedisCache>,
    /// None: there is no bank.
    pub bank: Option<BankClient>,
}

/// The bank: what payouts are sent by, and what checks its callbacks.
#[derive(Clone)]
pub struct BankClient {
    pub bank: Arc<dyn Bank>,
    pub verifier: Arc<dyn CallbackVerifier>,
}

/// The parts that components and workers share. Clones are handles on the same parts.
#[derive(Clone)]
pub struct Shared {
    pub db: db::Pool,
    /// For the service's own queries.
    pub internal_db: db::Pool,
    pub posting_loop: PostingLoop,
    /// Notified after each commit of this process.
    pub committed: Arc<Notify>,
    pub freshness: Arc<Freshness>,
    pub relays: Arc<RelayState>,
    pub limits: Arc<Limits>,
    pub payout_queue: Arc<PayoutQueue>,
    pub hasher: Arc<PasswordHasher>,
    pub revocations: Arc<Revocations>,
}

/// Makes the clients. Postgres is not queried here ([`wait_for_postgres`] does that), and the service starts also without
/// a reachable Kafka or Redis.
pub fn connect(config: &Config) -> anyhow::Result<Infra> {
    let db = db::connect(&config.database_url, config.database_pool_max).context("DATABASE_URL")?;
    let internal_db = db::connect_internal(&config.database_url).context("DATABASE_URL")?;
    let (committed, clock) = (Arc::new(Notify::new()), Arc::new(SystemClock));
    let settings = LoopSettings {
        database_url: config.database_url.clone(),
        batch_max: config.batch_max,
        queue_max: config.queue_max,
        clock: BatchClock::database(clock.clone()),
    };
    let shared = Shared {
        db,
        internal_db,
        posting_loop: PostingLoop::start(settings, Arc::clone(&committed)),
        committed,
        freshness: Arc::new(Freshness::default()),
        relays: Arc::default(),
        limits: Arc::new(Limits::new(&quotas(config), clock)),
        payout_queue: Arc::new(payout_queue(config)),
        hasher: Arc::new(PasswordHasher::new(password_cost(config)).context("PASSWORD_MEMORY_KIB")?),
        revocations: Arc::default(),
    };
    let kafka = kafka_settings(config)?.map(KafkaBus::new);
    let redis = match redis_address(config)? {
        Some(address) => {
            let redis = RedisCache::connect(address, &config.redis_prefix).context("REDIS_URL")?;
            // An in-process bus loses its events when the process dies; the cache must not outlive them for long.
            Some(if kafka.is_some() { redis } else { redis.with_time_to_live(TIME_TO_LIVE_WITHOUT_KAFKA) })
        }
        None => None,
    };
    Ok(Infra { shared, kafka, redis, bank: bank(config)? })
}

/// A payout is let in only where there is a bank.
fn payout_queue(config: &Config) -> PayoutQueue {
    if config.bank.is_some() { PayoutQueue::new(config.payout_queue_max) } else { PayoutQueue::closed() }
}

fn password_cost(config: &Config) -> HashCost {
    HashCost { memory: config.password_memory_kib, passes: config.password_passes }
}

fn quotas(config: &Config) -> Quotas {
    Quotas {
        refusals: config.rate_limit_refusals,
        failures: config.rate_limit_failures,
        moves: config.rate_limit_moves,
        inits: config.rate_limit_inits,
    }
}

/// The client of the bank; connects to nothing yet.
fn bank(config: &Config) -> anyhow::Result<Option<BankClient>> {
    let Some(access) = &config.bank else { return Ok(None) };
    let settings = BankSettings::new(access.url.clone(), access.token.clone());
    let bank = Arc::new(HttpBank::try_new(settings).context("BANK_URL")?);
    let verifier = WebhookVerifier::try_new(&access.webhook_secret).context("BANK_WEBHOOK_SECRET")?;
    Ok(Some(BankClient { bank, verifier: Arc::new(verifier) }))
}

/// The settings of Kafka. None: the bus is in-process.
pub(super) fn kafka_settings(config: &Config) -> anyhow::Result<Option<KafkaSettings>> {
    let Some(brokers) = config.kafka_brokers.clone() else { return Ok(None) };
    if let Some(file) = &config.kafka_security.ca_file {
        // The client would log it once a second.
        certificates("KAFKA_CA_FILE", file)?;
    }
    Ok(Some(KafkaSettings {
        compression: config.kafka_compression,
        security: config.kafka_security.clone(),
        ..KafkaSettings::new(brokers, config.kafka_partitions, config.kafka_replication)
    }))
}

/// The address of Redis. None: the cache is in-process.
fn redis_address(config: &Config) -> anyhow::Result<Option<RedisAddress>> {
    let Some(url) = config.redis_url.as_deref() else { return Ok(None) };
    let address = RedisAddress::from(url);
    Ok(Some(match &config.redis_ca_file {
        Some(file) => address.certified_by(certificates("REDIS_CA_FILE", file)?),
        None => address,
    }))
}

/// Reads a file of certificates; without a certificate in it, no server would be trusted.
fn certificates(variable: &str, file: &str) -> anyhow::Result<Vec<u8>> {
    const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
    let text = std::fs::read(file).with_context(|| format!("{variable}: {file} cannot be read"))?;
    ensure!(
        text.windows(BEGIN.len()).any(|part| part == BEGIN.as_bytes()),
        "{variable}: {file} holds no certificate (PEM)"
    );
    Ok(text)
}

/// Refuses a Redis that can never be used, such as a node of a cluster. An unreachable one is accepted: if it cannot be used
/// later, the log has the reason, and balances are read from Postgres.
pub async fn check_redis(config: &Config) -> anyhow::Result<()> {
    let Some(address) = redis_address(config)? else { return Ok(()) };
    match RedisCache::unusable(&address).await.context("REDIS_URL")? {
        Some(reason) => bail!("the Redis that REDIS_URL names cannot be used: {reason}"),
        None => Ok(()),
    }
}

/// Refuses, in production, a server that may lose confirmed commits.
async fn refuse_unsafe_settings(config: &Config) -> anyhow::Result<()> {
    let off = db::unsafe_settings(&config.database_url).await.context(POSTGRES_UNUSABLE)?;
    if off.is_empty() {
        return Ok(());
    }
    let off = off.join(" and ");
    if config.app_env == AppEnv::Production {
        bail!(
            "Postgres runs with {off} off: a crash of its machine would lose or tear the books; turn it on"
        );
    }
    warn!("Postgres runs with {off} off: a crash of its machine would lose or tear the books");
    Ok(())
}

/// Refuses a Postgres that can never be used, such as one behind a pooler. An unreachable one is accepted: the command
/// itself fails.
pub(super) async fn refuse_unfit_postgres(config: &Config) -> anyhow::Result<()> {
    match db::server_fault(&config.database_url).await {
        Ok(Some(fault)) => Err(fault).context(POSTGRES_UNUSABLE),
        _ => Ok(()),
    }
}

/// Waits until Postgres answers and has a schema that this binary can run on. In development missing migrations are run; in
/// production an operator decides that.
pub async fn wait_for_postgres(config: &Config) -> anyhow::Result<()> {
    let give_up_at = Instant::now() + POSTGRES_START_TIMEOUT;
    let mut has_waited = false;
    let state = loop {
        let attempt = match db::server_fault(&config.database_url).await {
            Ok(None) => migrator::status(&config.database_url).await,
            Ok(Some(fault)) => return Err(fault).context(POSTGRES_UNUSABLE),
            Err(error) => Err(error),
        };
        match attempt {
            Ok(state) => break state,
            // A wrong login or database stays wrong.
            Err(error @ DbError::Misconfigured(_)) => return Err(error).context(POSTGRES_UNUSABLE),
            Err(error) if error.is_transient() && Instant::now() < give_up_at => {
                if !std::mem::replace(&mut has_waited, true) {
                    warn!(%error, "waiting for Postgres, for {} s at most", POSTGRES_START_TIMEOUT.as_secs());
                }
                sleep(Duration::from_millis(250)).await;
            }
            Err(error) => return Err(error).context(POSTGRES_UNUSABLE),
        }
    };
    refuse_unsafe_settings(config).await?;
    let missing = match state.fault() {
        None => return Ok(()),
        Some(SchemaFault::Lacks(missing)) if config.app_env == AppEnv::Development => missing,
        Some(fault) => bail!(fault),
    };
    info!(missing, "the database lacks migrations; running them");
    migrator::migrate(&config.database_url, Direction::Up).await.context("cannot migrate")?;
    Ok(())
}

/// Advances the logs' sequences to their rows and cursors, where a restore has left them behind.
pub async fn advance_sequences(config: &Config) -> anyhow::Result<()> {
    let behind = log::advance_sequences(&config.database_url).await;
    for (sequence, position) in behind.context("the logs' sequences cannot be set right")? {
        warn!(
            sequence,
            position, "a sequence was behind its log, as after a restore, and was set to the position"
        );
    }
    Ok(())
}

/// Warns of an entry that is dated in the future: later entries of its wallet get the same time until then. Money moves all
/// the same.
pub async fn warn_of_entry_ahead(db: &db::Pool) {
    match store::entry_ahead(db).await {
        Ok(Some(EntryAhead { wallet, version, occurred_at })) => warn!(
            %wallet,
            version,
            %occurred_at,
            "an entry is dated in the future: Postgres' clock was ahead, or is behind now; `wallet audit` names all of them"
        ),
        Ok(None) => {}
        Err(error) => warn!(%error, "could not look for entries that are dated in the future"),
    }
}
