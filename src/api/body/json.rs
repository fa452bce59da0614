//! `application/json`.

use serde_json::{Map, Value};

use super::Fields;
use crate::api::{api_error::ApiError, catalogue::Code};

/// The fields of an object. Anything else, and what is nested deeper than serde_json goes (128 levels), is malformed.
pub fn fields(bytes: &[u8]) -> Result<Fields, ApiError> {
    let object: Map<String, Value> =
        serde_json::from_slice(bytes).map_err(|_| ApiError::from(Code::MalformedBody))?;
    Fields::json(object)
}
