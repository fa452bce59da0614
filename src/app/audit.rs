//! `wallet audit`.

use anyhow::{Context, bail};

use crate::{config::Config, ledger::audit};

/// Checks the books; fails when a rule is broken, after naming the rows.
pub(super) async fn run(config: &Config) -> anyhow::Result<()> {
    let findings = audit::audit(&config.database_url).await.context("cannot audit")?;
    if findings.is_empty() {
        println!("the books are whole: {} rules hold", audit::RULES.len());
        return Ok(());
    }
    for finding in &findings {
        println!("{finding}");
    }
    bail!("{} of {} rules are broken", findings.len(), audit::RULES.len())
}
