//! Ids and a time for the examples of the document.

use uuid::Uuid;

use crate::{api::scalars::ApiTimestamp, kernel::clock::Timestamp};

pub const TRANSACTION: &str = "019aa1c2-7a10-7c3e-9d54-0f6f0c1d2e3f";
pub const WALLET: &str = "019aa1c2-6b00-7f21-8a43-5d6e7f801234";
pub const CUSTOMER: &str = "1f0e6c1a-9a5b-4c7d-8e2f-3a4b5c6d7e8f";
pub const RECIPIENT: &str = "019aa1c2-6b00-7d44-9b52-6e7f80912345";
pub const REFERENCE: &str = "7c9e6679-7425-40de-944b-e07fc1f90ae7";
const MOMENT_MILLIS: i64 = 1_763_719_200_123;

/// One of the ids above.
pub fn id(text: &str) -> Uuid {
    Uuid::try_parse(text).unwrap_or_default()
}

/// The time of every example.
pub fn timestamp() -> ApiTimestamp {
    ApiTimestamp(Timestamp::from_timestamp_millis(MOMENT_MILLIS).unwrap_or_default())
}
