//! A producer for each topic, so that a topic in trouble does not hold up another.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use rdkafka::message::{Header, OwnedHeaders};

use super::{
    line::{Line, Record},
    reach::Reach,
    settings::KafkaSettings,
};
use crate::events::bus::PublishError;

/// The producers of all topics that were published to.
pub(super) struct Producers {
    settings: KafkaSettings,
    reach: Arc<Reach>,
    lines: Mutex<HashMap<String, Arc<Line>>>,
}

impl Producers {
    /// None yet: a topic's producer is made when it is first published to.
    pub(super) fn new(settings: KafkaSettings, reach: Arc<Reach>) -> Self {
        Self { settings, reach, lines: Mutex::default() }
    }

    /// Publishes `count` messages to a topic, in order, as [`Line::publish`] does.
    pub(super) async fn publish<'r>(
        &self,
        topic: &str,
        count: usize,
        record: impl Fn(usize) -> Record<'r> + Send + Sync,
    ) -> Result<(), PublishError> {
        self.line(topic).publish(count, record).await
    }

    fn line(&self, topic: &str) -> Arc<Line> {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(line) = lines.get(topic) {
            return Arc::clone(line);
        }
        let line = Arc::new(Line::new(topic, self.settings.clone(), Arc::clone(&self.reach)));
        lines.insert(topic.to_owned(), Arc::clone(&line));
        line
    }
}

/// Headers as librdkafka takes them.
pub(super) fn kafka_headers<'h>(
    count: usize,
    headers: impl Iterator<Item = (&'h str, Option<&'h [u8]>)>,
) -> OwnedHeaders {
    headers
        .fold(OwnedHeaders::new_with_capacity(count), |all, (key, value)| all.insert(Header { key, value }))
}
