//! Which parameters a request that changes something may have in its query string.

use std::sync::Arc;

use poem::Request;

use super::api_error::{ApiError, FieldErrors};

/// Maximum length of an unknown name in a message, in characters.
const SHOWN_MAX: usize = 64;

/// The parameters that an operation has in its query string.
#[derive(Clone, Debug)]
pub struct KnownParameters(pub Arc<[String]>);

impl KnownParameters {
    /// Refuses a parameter that the operation does not have: a misspelled `dry_run` would move money.
    pub fn check(request: &Request) -> Result<(), ApiError> {
        let (Some(Self(known)), Some(query)) = (request.data::<Self>(), request.uri().query()) else {
            return Ok(());
        };
        let mut errors = FieldErrors::default();
        match serde_urlencoded::from_str::<Vec<(String, String)>>(query) {
            Ok(given) => given.into_iter().filter(|(name, _)| !known.contains(name)).for_each(|(name, _)| {
                let shown: String = name.chars().take(SHOWN_MAX).collect();
                errors.push(shown, "Unknown parameter.");
            }),
            Err(_) => errors.push("query", "Not a query string."),
        }
        if errors.is_empty() { Ok(()) } else { Err(errors.into()) }
    }
}
