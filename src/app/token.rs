//! `wallet token`.

use anyhow::bail;
use shaku::HasComponent;

use super::{bootstrap, module, output};
use crate::{config::Config, identity::Tokens};

/// Prints a token for a back end. Postgres is not asked.
pub(super) fn print(config: &Config, name: &str) -> anyhow::Result<()> {
    if name.is_empty() || !name.bytes().all(|b| b.is_ascii_graphic()) {
        bail!("--name must be letters, digits and signs without a space");
    }
    let module = module::build(config, bootstrap::connect(config)?);
    let tokens: &dyn Tokens = module.resolve_ref();
    output::line(tokens.issue_service(name)?)
}
