//! The bank over HTTP (docs/bank-api.md): payments are sent and asked for by [`HttpBank`], and [`WebhookVerifier`] checks
//! who sent a callback.

mod callbacks;
mod http;
mod settings;

pub use callbacks::{InvalidWebhookSecret, WebhookVerifier};
pub use http::{HttpBank, HttpBankError};
pub use settings::{BankSettings, TIMEOUT};
