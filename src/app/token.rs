//! `wallet token`.

use std::sync::Arc;

use anyhow::bail;
use clap::{Args, ValueEnum};

use super::{module, output};
use crate::{
    adapters::{clock::SystemClock, jwt::JwtTokens},
    config::Config,
    identity::Tokens,
};

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

/// Prints a token for a back end or a person of the back office, without a client of any server.
pub(super) fn print(config: &Config, args: &TokenArgs) -> anyhow::Result<()> {
    let name = match (args.scope, &args.name) {
        (_, Some(name)) => name,
        (TokenScope::Service, None) => "backend",
        (TokenScope::Admin, None) => bail!("--name must say whose token it is"),
    };
    if name.is_empty() || !name.bytes().all(|b| b.is_ascii_graphic()) {
        bail!("--name must be letters, digits and signs without a space");
    }
    // Beside the wiring, which makes a client for each server.
    let tokens = JwtTokens::new(Arc::new(SystemClock), module::jwt_keys(config));
    output::line(match args.scope {
        TokenScope::Service => tokens.issue_service(name)?,
        TokenScope::Admin => tokens.issue_admin(name)?,
    })
}
