//! `wallet cache rebuild`.

use anyhow::{Context, bail};
use shaku::HasComponent;

use super::{bootstrap, module};
use crate::{config::Config, wallet::Wallets};

/// Fills Redis from Postgres; what is newer there stays.
pub(super) async fn rebuild(config: &Config) -> anyhow::Result<()> {
    if config.redis_url.is_none() {
        bail!("REDIS_URL is empty: the in-process cache has nothing to rebuild");
    }
    let infra = bootstrap::connect(config)?;
    let module = module::build(config, infra);
    let wallets: &dyn Wallets = module.resolve_ref();
    let filled = wallets.rebuild_cache().await.context("cannot rebuild the cache")?;
    println!("{filled} wallets are in the cache");
    Ok(())
}
