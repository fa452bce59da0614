//! `wallet openapi`.

use std::io::Write;

use crate::api;

/// Prints the OpenAPI document.
pub(super) fn print() -> anyhow::Result<()> {
    Ok(std::io::stdout().lock().write_all(api::spec().as_bytes())?)
}
