//! `wallet books new-generation`.

use anyhow::{Context, ensure};

use super::cli::{BooksCommand, Decision};
use crate::{config::Config, kernel::books::BooksId, ledger::store};

/// Carries out an operator's decision about the books.
pub(super) async fn run(config: &Config, command: BooksCommand) -> anyhow::Result<()> {
    match command {
        BooksCommand::NewGeneration { decision } => new_generation(config, &decision).await,
    }
}

async fn new_generation(config: &Config, decision: &Decision) -> anyhow::Result<()> {
    let Decision { actor, reason } = decision;
    ensure!(!actor.trim().is_empty() && !reason.trim().is_empty(), "an actor and a reason must be given");
    let begun = store::begin_generation(&config.database_url, actor, reason).await;
    let BooksId { id, generation } = begun.context("cannot begin a generation")?;
    println!("the books {id} go on in generation {generation}; relays and caches follow by themselves");
    Ok(())
}
