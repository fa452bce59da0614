//! `wallet books`: an operator's decisions about the books.

use anyhow::{Context, ensure};
use clap::{Args, Subcommand};

use super::output;
use crate::{
    config::Config,
    db,
    kernel::{books::BooksId, clock::rfc3339_millis},
    ledger::{log, posting::store},
};

/// The subcommands of `wallet books`.
#[derive(Clone, Debug, Subcommand)]
pub(super) enum BooksCommand {
    /// Go on from the books as they are, after they were restored to an earlier moment.
    ///
    /// What the topic, caches and consumers have beyond that moment is not part of these books any more: messages carry a
    /// higher generation from now on, and consumers forget what they have beyond.
    NewGeneration {
        #[command(flatten)]
        decision: Decision,
    },
    /// Accept Postgres' clock as right, although the service's machine has another time; every process goes on.
    AcceptClock {
        #[command(flatten)]
        decision: Decision,
    },
}

/// Who decided something, and why; both are kept in the books.
#[derive(Clone, Debug, Args)]
pub(super) struct Decision {
    /// The operator's name.
    #[arg(long)]
    pub(super) actor: String,
    /// Why: the incident, the ticket.
    #[arg(long)]
    pub(super) reason: String,
}

/// Carries out an operator's decision about the books.
pub(super) async fn run(config: &Config, command: BooksCommand) -> anyhow::Result<()> {
    match command {
        BooksCommand::NewGeneration { decision } => new_generation(config, &decision).await,
        BooksCommand::AcceptClock { decision } => accept_clock(config, &decision).await,
    }
}

async fn new_generation(config: &Config, decision: &Decision) -> anyhow::Result<()> {
    let Decision { actor, reason } = complete(decision)?;
    let begun = log::begin_generation(&config.database_url, actor, reason).await;
    let BooksId { id, generation } = begun.context("cannot begin a generation")?;
    output::line(format_args!(
        "the books {id} go on in generation {generation}; relays and caches follow by themselves"
    ))
}

async fn accept_clock(config: &Config, decision: &Decision) -> anyhow::Result<()> {
    let Decision { actor, reason } = complete(decision)?;
    let db = db::connect(&config.database_url, 1).context("DATABASE_URL")?;
    let accepted = store::accept_clock(&db, actor, reason).await.context("cannot accept the clock")?;
    output::line(format_args!(
        "Postgres' clock is accepted: {}; this holds for a day",
        rfc3339_millis(accepted)
    ))
}

pub(super) fn complete(decision: &Decision) -> anyhow::Result<&Decision> {
    let Decision { actor, reason } = decision;
    ensure!(!actor.trim().is_empty() && !reason.trim().is_empty(), "an actor and a reason must be given");
    Ok(decision)
}
