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
    /// Freeze and unfreeze wallets.
    Admin,
}

/// The arguments of `wallet token`.
#[derive(Clone, Debug, Args)]
pub(super) struct TokenArgs {
    /// What the token allows.
    #[arg(long)]
    scope: TokenScope,
    /// The name of the back end or of the person: Idempotency-Keys belong to a name, and the books keep it.
    #[arg(long)]
    name: Option<String>,
}

/// Prints a token for a back end or a person of the back office. Needs no Postgres.
pub(super) fn print(config: &Config, args: &TokenArgs) -> anyhow::Result<()> {
    let name = match (args.scope, &args.name) {
        (_, Some(name)) => name,
        (TokenScope::Service, None) => "backend",
        (TokenScope::Admin, None) => bail!("--name must say whose token it is"),
    };
    if name.is_empty() || !name.bytes().all(|b| b.is_ascii_graphic()) {
        bail!("--name must be letters, digits and signs without a space");
    }
    let module = module::build(config, bootstrap::connect(config)?);
    let tokens: &dyn Tokens = module.resolve_ref();
    output::line(match args.scope {
        TokenScope::Service => tokens.issue_service(name)?,
        TokenScope::Admin => tokens.issue_admin(name)?,
    })
}
