//! `wallet token`.

use anyhow::bail;
use clap::{Args, ValueEnum};
use shaku::HasComponent;

use super::{bootstrap, module, output};
use crate::{config::Config, identity::Tokens};

#[derive(Clone, Copy, Debug, ValueEnum)]
enum TokenScope {
    /// Open wallets, read them, move money between any two.
    Service,
}

/// The arguments of `wallet token`.
#[derive(Clone, Debug, Args)]
pub(super) struct TokenArgs {
    /// What the token allows.
    #[arg(long)]
    scope: TokenScope,
    /// The back end's name: its Idempotency-Keys are its own.
    #[arg(long, default_value = "backend")]
    name: String,
}

/// Prints a token for a back end. Postgres is not asked.
pub(super) fn print(config: &Config, args: &TokenArgs) -> anyhow::Result<()> {
    let TokenArgs { scope: TokenScope::Service, name } = args;
    if name.is_empty() || !name.bytes().all(|b| b.is_ascii_graphic()) {
        bail!("--name must be letters, digits and signs without a space");
    }
    let module = module::build(config, bootstrap::connect(config)?);
    let tokens: &dyn Tokens = module.resolve_ref();
    output::line(tokens.issue_service(name)?)
}
