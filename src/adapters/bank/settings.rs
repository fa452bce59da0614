//! Where the bank is.

use std::time::Duration;

use crate::config::Secret;

/// Timeout of a request, from its connection to the last byte of its answer. A bank that has not answered by then is asked
/// by id, which says more than waiting.
pub const TIMEOUT: Duration = Duration::from_secs(10);

/// The settings of the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BankSettings {
    /// `https://` or `http://`; `/payouts` is added to it.
    pub url: String,
    /// Sent with each request, as a bearer's token (RFC 6750).
    pub token: Secret,
    /// [`TIMEOUT`]; tests of a slow bank take less.
    pub timeout: Duration,
}

impl BankSettings {
    /// The settings of a bank, with the usual timeout.
    #[must_use]
    pub fn new(url: String, token: Secret) -> Self {
        Self { url, token, timeout: TIMEOUT }
    }
}
