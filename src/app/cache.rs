//! `wallet cache rebuild` and `wallet audit --cache`.

use std::time::Duration;

use anyhow::{Context, bail};
use clap::Subcommand;
use shaku::HasComponent;
use tokio::time::{Instant, sleep};

use super::{bootstrap, module, output};
use crate::{
    accounts::{CacheAudited, CacheFill, audit_cache},
    cache::{BalanceCache, CacheError},
    config::Config,
    db::Database,
    events::topic_watcher::TopicWatcher,
};

/// Timeout for the connection to Redis, and for a mark that is not changed while it is replaced.
const REDIS_TIMEOUT: Duration = Duration::from_secs(5);

/// The subcommands of `wallet cache`.
#[derive(Clone, Copy, Debug, Subcommand)]
pub(super) enum CacheCommand {
    /// Fill the cache from Postgres.
    Rebuild,
}

/// Carries out a command about the cache.
pub(super) async fn run(config: &Config, command: CacheCommand) -> anyhow::Result<()> {
    match command {
        CacheCommand::Rebuild => rebuild(config).await,
    }
}

/// Replaces all views in Redis by those of the books.
async fn rebuild(config: &Config) -> anyhow::Result<()> {
    if config.redis_url.is_none() {
        bail!("REDIS_URL is empty: the in-process cache has nothing to rebuild");
    }
    bootstrap::check_redis(config).await?;
    let infra = bootstrap::connect(config)?;
    let module = module::build(config, infra);
    let cache: &dyn BalanceCache = module.resolve_ref();
    replace(config, cache).await.context("cannot replace what is in the cache")?;
    let fill: &dyn CacheFill = module.resolve_ref();
    let filled = fill.rebuild().await.context("cannot rebuild the cache")?;
    output::line(format_args!("{filled} wallets are in the cache"))
}

/// Begins another epoch, so that every process ignores all present views.
async fn replace(config: &Config, cache: &dyn BalanceCache) -> anyhow::Result<()> {
    let mut topic = TopicWatcher::new(config.database_url.clone());
    let until = Instant::now() + REDIS_TIMEOUT;
    loop {
        let attempt = async {
            let known = cache.mark().await?;
            let standing = topic.look().await?.standing;
            anyhow::Ok(cache.adopt(known, &standing, true).await?)
        };
        match attempt.await {
            Err(_) if Instant::now() < until => sleep(Duration::from_millis(50)).await,
            outcome => return outcome,
        }
    }
}

/// Compares every view in Redis with the books.
pub(super) async fn audit(config: &Config) -> anyhow::Result<CacheAudited> {
    bootstrap::check_redis(config).await?;
    let module = module::build(config, bootstrap::connect(config)?);
    let (db, cache): (&dyn Database, &dyn BalanceCache) = (module.resolve_ref(), module.resolve_ref());
    let mut topic = TopicWatcher::new(config.database_url.clone());
    let until = Instant::now() + REDIS_TIMEOUT;
    loop {
        match audit_under_its_mark(&mut topic, db, cache).await {
            // Redis is connected in the background, and a server may be changing its mark.
            Err(error) if error.is::<CacheError>() && Instant::now() < until => {
                sleep(Duration::from_millis(50)).await;
            }
            outcome => return outcome.context("cannot audit the cache"),
        }
    }
}

/// Audits the views that a server would use.
async fn audit_under_its_mark(
    topic: &mut TopicWatcher,
    db: &dyn Database,
    cache: &dyn BalanceCache,
) -> anyhow::Result<CacheAudited> {
    let Some(mark) = cache.mark().await? else { return Ok(CacheAudited::default()) };
    let standing = topic.look().await?.standing;
    if !standing.continues(&mark.standing) {
        return Ok(CacheAudited::of_another_history(&mark));
    }
    cache.adopt(Some(mark), &standing, false).await?;
    Ok(audit_cache(db, cache).await?)
}
