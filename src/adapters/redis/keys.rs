//! The keys of the cache.

use uuid::Uuid;

/// The version of the keys' format: a service reads no keys of another version.
const FORMAT: &str = "w2";

/// The key of a wallet's view, behind the prefix.
#[must_use]
pub fn wallet_key(prefix: &str, wallet: Uuid) -> String {
    format!("{prefix}{FORMAT}:{wallet}")
}

/// The key of the mark, behind the prefix.
pub(super) fn mark_key(prefix: &str) -> String {
    format!("{prefix}{FORMAT}:books")
}
