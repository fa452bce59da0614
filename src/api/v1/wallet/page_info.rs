//! Where a list goes on.

use poem_openapi::Object;
use serde::Serialize;

/// The position of the next page.
#[derive(Object, Serialize)]
pub(super) struct PageInfo {
    /// The value of `after` for the next page; null on the last one.
    #[oai(nullable)]
    pub next: Option<String>,
}
