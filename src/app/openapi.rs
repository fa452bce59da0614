//! `wallet openapi`.

use super::output;
use crate::api;

/// Prints the OpenAPI document.
pub(super) fn print() -> anyhow::Result<()> {
    output::print(api::spec())
}
