//! `wallet freeze` and `wallet unfreeze`.

use anyhow::{Context, bail};
use clap::Args;
use shaku::HasComponent;
use uuid::Uuid;

use super::{
    books::{Decision, complete},
    bootstrap, module, output,
};
use crate::{
    accounts::{Accounts, Booking, StatusOrder},
    config::Config,
    kernel::{actor::Actor, ids::WalletId},
    ledger::Refusals,
};

/// Which wallet, who decides, and why.
#[derive(Clone, Debug, Args)]
pub(super) struct FreezeArgs {
    /// The wallet's id.
    wallet: Uuid,
    #[command(flatten)]
    decision: Decision,
}

/// Freezes a wallet: its money cannot move until it is unfrozen.
pub(super) async fn freeze(config: &Config, args: &FreezeArgs) -> anyhow::Result<()> {
    change(config, args, |reason| StatusOrder::Freeze { reason }, "frozen").await
}

/// Unfreezes a wallet: it can be used again as its status says.
pub(super) async fn unfreeze(config: &Config, args: &FreezeArgs) -> anyhow::Result<()> {
    change(config, args, |reason| StatusOrder::Unfreeze { reason }, "unfrozen").await
}

async fn change(
    config: &Config,
    args: &FreezeArgs,
    order: impl FnOnce(String) -> StatusOrder,
    done: &str,
) -> anyhow::Result<()> {
    let Decision { actor, reason } = complete(&args.decision)?;
    let module = module::build(config, bootstrap::connect(config)?);
    let accounts: &dyn Accounts = module.resolve_ref();
    let wallet = WalletId(args.wallet);
    let booking =
        Booking { actor: Actor::Operator(actor.to_owned()), key: None, refusals: Refusals::NotStored };
    let changed = accounts.change_status(wallet, order(reason.to_owned()), booking).await;
    let (_, outcome) = changed.with_context(|| format!("wallet {wallet}"))?;
    match outcome.decision {
        Ok(_) => output::line(format_args!("wallet {wallet} is {done}; consumers get a status event")),
        Err(refusal) => bail!("wallet {wallet}: {refusal}"),
    }
}
