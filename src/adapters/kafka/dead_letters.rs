//! Publishes messages that cannot be served to their dead-letter topics.

use std::{sync::Arc, time::Duration};

use super::{
    producers::{Producers, kafka_headers},
    settings::KafkaSettings,
    topic_producer::Record,
    topics,
};
use crate::events::bus::Message;

/// Delay between two attempts to publish.
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// Publishes to dead-letter topics, and creates those that are missing.
pub(super) struct DeadLetters {
    settings: KafkaSettings,
    producers: Arc<Producers>,
}

impl DeadLetters {
    /// Publishes through these producers.
    pub(super) fn new(settings: KafkaSettings, producers: Arc<Producers>) -> Self {
        Self { settings, producers }
    }

    /// Publishes messages to the topics that they name, which are created if they are missing. Retries until Kafka has
    /// confirmed all of them.
    pub(super) async fn send_to_dlq(&self, messages: &[Message]) {
        for run in messages.chunk_by(|a, b| a.topic == b.topic) {
            let mut run = run;
            let mut is_created = false;
            while let Some(first) = run.first() {
                if !is_created {
                    is_created =
                        topics::create(&self.settings, std::slice::from_ref(&first.topic)).await.is_ok();
                }
                let published =
                    self.producers.publish(&first.topic, run.len(), |index| record(&run[index], index)).await;
                let Err(error) = published else { break };
                tracing::warn!(topic = first.topic, %error, "a dead letter was not published; retrying");
                run = &run[error.confirmed..];
                tokio::time::sleep(RETRY_DELAY).await;
            }
        }
    }
}

fn record(message: &Message, index: usize) -> Record<'_> {
    let headers = message.headers.iter().map(|(key, value)| (key.as_str(), value.as_deref()));
    let mut record =
        Record::with_opaque_to(&message.topic, index).headers(kafka_headers(message.headers.len(), headers));
    record.key = message.key.as_deref();
    record.payload = message.payload.as_deref();
    record
}
