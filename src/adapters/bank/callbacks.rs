//! The signatures of callbacks, as Standard Webhooks has them (<https://www.standardwebhooks.com>): HMAC-SHA256 over the
//! id, the time and the raw bytes of the body.

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use standardwebhooks::{HEADER_WEBHOOK_ID, HEADER_WEBHOOK_SIGNATURE, HEADER_WEBHOOK_TIMESTAMP, Webhook};
use thiserror::Error;

use crate::{
    config::Secret,
    payouts::{CallbackHeaders, CallbackVerifier, InvalidSignature},
};

/// The secret is not `whsec_` and base64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the secret of the bank's callbacks must be whsec_ and base64")]
pub struct InvalidWebhookSecret;

/// Checks callbacks with the secret that the bank and the wallet share. The library reads the system's clock itself, and
/// accepts five minutes on either side of it.
pub struct WebhookVerifier {
    webhook: Webhook,
}

impl WebhookVerifier {
    /// A verifier with this secret.
    pub fn try_new(secret: &Secret) -> Result<Self, InvalidWebhookSecret> {
        let webhook = Webhook::new(secret.expose()).map_err(|_| InvalidWebhookSecret)?;
        Ok(Self { webhook })
    }
}

impl CallbackVerifier for WebhookVerifier {
    fn verify(&self, headers: CallbackHeaders<'_>, body: &[u8]) -> Result<(), InvalidSignature> {
        let mut map = HeaderMap::with_capacity(3);
        for (name, value) in [
            (HEADER_WEBHOOK_ID, headers.id),
            (HEADER_WEBHOOK_TIMESTAMP, headers.timestamp),
            (HEADER_WEBHOOK_SIGNATURE, headers.signature),
        ] {
            let value = value.and_then(|value| HeaderValue::from_str(value).ok()).ok_or(InvalidSignature)?;
            map.insert(HeaderName::from_static(name), value);
        }
        self.webhook.verify(body, &map).map_err(|_| InvalidSignature)
    }
}
