//! `wallet payouts`: what waits for the bank, and what an operator decides who has spoken to the bank.

use std::sync::Arc;

use anyhow::Context;
use clap::{Args, Subcommand};
use shaku::HasComponent;
use uuid::Uuid;

use super::{
    books::{Decision, complete},
    bootstrap, module, output,
};
use crate::{
    config::Config,
    kernel::{clock::rfc3339_millis, ids::OperationId, payout_failure::PayoutFailure},
    ledger::{Ledger, PayoutEnding},
    payouts::{ListedPayout, operator},
};

/// The most payouts that the list shows.
const LIST_MAX: i64 = 10_000;

/// What to do with payouts.
#[derive(Clone, Debug, Subcommand)]
pub(super) enum PayoutsCommand {
    /// List the payouts that are open, the oldest first; of an account it shows the last four characters.
    List {
        /// Only those about which the worker has given up.
        #[arg(long)]
        needs_attention: bool,
    },
    /// Have the worker take up a payout that needs attention; one that has ended needs none any more.
    Retry {
        /// The payout's id.
        payout: Uuid,
    },
    /// Book that the bank has paid a payout that needs attention.
    Settle(EndArgs),
    /// Give the money of a payout back that the bank has not paid, and never will.
    Return(EndArgs),
}

/// Which payout, who decides, and why.
#[derive(Clone, Debug, Args)]
pub(super) struct EndArgs {
    /// The payout's id.
    payout: Uuid,
    #[command(flatten)]
    decision: Decision,
}

pub(super) async fn run(config: &Config, command: PayoutsCommand) -> anyhow::Result<()> {
    match command {
        PayoutsCommand::List { needs_attention } => list(config, needs_attention).await,
        PayoutsCommand::Retry { payout } => {
            let shared = bootstrap::connect(config)?.shared;
            operator::retry(&shared.db, OperationId(payout)).await.with_context(|| name(payout))?;
            output::line(format_args!(
                "{} needs no attention; if it is open, the worker takes it up again",
                name(payout)
            ))
        }
        PayoutsCommand::Settle(args) => end(config, &args, PayoutEnding::Settled, "settled").await,
        PayoutsCommand::Return(args) => {
            let returned = PayoutEnding::Returned(PayoutFailure::Cancelled);
            end(config, &args, returned, "returned: its money can be spent again").await
        }
    }
}

async fn end(config: &Config, args: &EndArgs, end: PayoutEnding, done: &str) -> anyhow::Result<()> {
    let Decision { actor, reason } = complete(&args.decision)?;
    let infra = bootstrap::connect(config)?;
    let db = infra.shared.db.clone();
    let module = module::build(config, infra);
    let ledger: Arc<dyn Ledger> = module.resolve();
    let ended = operator::end(&db, &ledger, OperationId(args.payout), end, actor, reason).await;
    ended.with_context(|| name(args.payout))?;
    output::line(format_args!("{} is {done}", name(args.payout)))
}

async fn list(config: &Config, needs_attention: bool) -> anyhow::Result<()> {
    let shared = bootstrap::connect(config)?.shared;
    let payouts = operator::list(&shared.db, needs_attention, LIST_MAX).await?;
    if payouts.is_empty() {
        return output::line(if needs_attention { "no payout needs attention" } else { "no payout is open" });
    }
    payouts.iter().try_for_each(|payout| output::line(line(payout)))
}

fn line(listed: &ListedPayout) -> String {
    let ListedPayout { payout, currency, bank_code, account_last4, .. } = listed;
    format!(
        "{} wallet {} {} {currency} to {bank_code} …{account_last4}, requested {}, {}, {} submissions, {} failures: {}",
        payout.id,
        payout.wallet,
        payout.amount,
        rfc3339_millis(listed.requested_at),
        if listed.needs_attention { "needs attention" } else { "open" },
        listed.submissions,
        listed.failures,
        listed.last_answer.as_deref().unwrap_or("no answer yet"),
    )
}

fn name(payout: Uuid) -> String {
    format!("payout {payout}")
}
