//! The topics: the names of their dead-letter topics, and the worker that creates those that are missing.

use std::{sync::Arc, time::Duration};

use tokio::time::sleep;
use tracing::warn;

use super::bus::EventBus;
use crate::kernel::topics::DEAD_LETTER_SUFFIX;

/// Delay before a failed creation is retried.
const RETRY_DELAY: Duration = Duration::from_secs(2);

/// The name of a topic's dead-letter topic.
#[must_use]
pub fn dead_letter_topic(topic: &str) -> String {
    format!("{topic}{DEAD_LETTER_SUFFIX}")
}

/// Creates the topics that are missing, and their dead-letter topics. Retries until the bus has created them.
pub async fn create(bus: Arc<dyn EventBus>, topics: Vec<String>) {
    let all: Vec<String> =
        topics.iter().flat_map(|topic| [topic.clone(), dead_letter_topic(topic)]).collect();
    let mut has_logged = false;
    while let Err(reason) = bus.make_topics(&all).await {
        if !std::mem::replace(&mut has_logged, true) {
            warn!(%reason, "the topics cannot be created yet; money moves, and the log waits");
        }
        sleep(RETRY_DELAY).await;
    }
}
