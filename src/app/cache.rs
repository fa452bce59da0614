//! `wallet cache rebuild`.

use anyhow::{Context, bail};
use shaku::HasComponent;

use super::{bootstrap, module};
use crate::{config::Config, wallet::CacheFill};

/// Fills Redis from Postgres; what is newer there stays.
pub(super) async fn rebuild(config: &Config) -> anyhow::Result<()> {
    if config.redis_url.is_none() {
        bail!("REDIS_URL is empty: the in-process cache has nothing to rebuild");
    }
    bootstrap::check_redis(config).await?;
    let infra = bootstrap::connect(config)?;
    let module = module::build(config, infra);
    let fill: &dyn CacheFill = module.resolve_ref();
    let filled = fill.rebuild().await.context("cannot rebuild the cache")?;
    println!("{filled} wallets are in the cache");
    Ok(())
}
