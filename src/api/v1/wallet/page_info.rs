//! Which page of a list is asked for, and where the list goes on.

use poem_openapi::Object;
use serde::Serialize;

use crate::{
    api::{
        api_error::{ApiError, FieldErrors},
        query::{Limit, Param, QueryValue},
    },
    kernel::pagination::{DEFAULT_LIMIT, PageRequest},
};

/// The position of the next page.
#[derive(Object, Serialize)]
pub(super) struct PageInfo {
    /// The value of `after` for the next page; null on the last one.
    #[oai(nullable)]
    pub next: Option<String>,
}

/// The page that is asked for; all wrong parameters are answered at once.
pub(super) fn page<C: QueryValue>(limit: Param<Limit>, after: Param<C>) -> Result<PageRequest<C>, ApiError> {
    let mut errors = FieldErrors::default();
    let limit = limit.take(&mut errors).map_or(DEFAULT_LIMIT, |limit| limit.0);
    let after = after.take(&mut errors);
    if errors.is_empty() { Ok(PageRequest { limit, after }) } else { Err(errors.into()) }
}
