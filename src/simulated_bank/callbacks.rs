//! Callbacks: signed as Standard Webhooks has it, and sent again until they are taken.

use std::{sync::Arc, time::Duration};

use reqwest::{Client, redirect::Policy};
use standardwebhooks::{HEADER_WEBHOOK_ID, HEADER_WEBHOOK_SIGNATURE, HEADER_WEBHOOK_TIMESTAMP, Webhook};
use tokio::time::sleep;
use tracing::warn;
use uuid::Uuid;

use super::payment::Answer;
use crate::kernel::clock::Clock;

/// Timeout of one attempt.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Maximum number of attempts; with their delays they last about four minutes.
const ATTEMPTS_MAX: u32 = 14;
const FIRST_RETRY_DELAY: Duration = Duration::from_millis(250);
const RETRY_DELAY_MAX: Duration = Duration::from_secs(30);

/// Where callbacks go.
#[derive(Clone, Debug)]
pub struct CallbackSettings {
    pub url: String,
    /// `whsec_` and base64.
    pub secret: String,
}

/// The sender of callbacks.
pub struct Callbacks {
    client: Client,
    url: String,
    webhook: Webhook,
    clock: Arc<dyn Clock>,
}

/// A callback with the id that each of its repeats has.
pub struct Message {
    id: String,
    body: String,
}

impl Message {
    pub fn about(answer: &Answer) -> serde_json::Result<Self> {
        Ok(Self { id: format!("msg_{}", Uuid::now_v7().simple()), body: serde_json::to_string(answer)? })
    }
}

impl Callbacks {
    /// A sender; an error is a sentence.
    pub fn try_new(settings: CallbackSettings, clock: Arc<dyn Clock>) -> Result<Self, String> {
        let webhook = Webhook::new(&settings.secret)
            .map_err(|_| "the secret of callbacks must be whsec_ and base64".to_owned())?;
        let client = Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .timeout(TIMEOUT)
            .build()
            .map_err(|error| error.to_string())?;
        client.post(&settings.url).build().map_err(|_| "the URL of callbacks is no URL".to_owned())?;
        Ok(Self { client, url: settings.url, webhook, clock })
    }

    /// Sends it until it is taken, or the attempts are used up.
    pub async fn deliver(&self, message: &Message) {
        let mut delay = FIRST_RETRY_DELAY;
        for _ in 1..ATTEMPTS_MAX {
            if self.send(message).await.is_ok() {
                return;
            }
            sleep(delay).await;
            delay = (delay * 2).min(RETRY_DELAY_MAX);
        }
        if let Err(reason) = self.send(message).await {
            warn!(reason, "a callback was not delivered");
        }
    }

    /// One attempt; an error is what went wrong.
    pub async fn send(&self, message: &Message) -> Result<(), String> {
        let timestamp = self.clock.now().timestamp();
        let signature = self
            .webhook
            .sign(&message.id, timestamp, message.body.as_bytes())
            .map_err(|error| error.to_string())?;
        let request = self
            .client
            .post(&self.url)
            .header("Content-Type", "application/json")
            .header(HEADER_WEBHOOK_ID, &message.id)
            .header(HEADER_WEBHOOK_TIMESTAMP, timestamp)
            .header(HEADER_WEBHOOK_SIGNATURE, signature)
            .body(message.body.clone());
        let response = request.send().await.map_err(|error| error.to_string())?;
        if !response.status().is_success() {
            return Err(response.status().to_string());
        }
        Ok(())
    }
}
