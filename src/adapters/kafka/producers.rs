//! A producer for each topic, so that a failing topic does not delay another.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use rdkafka::message::{Header, OwnedHeaders};

use super::{
    broker_status::BrokerStatus,
    settings::KafkaSettings,
    topic_producer::{Record, TopicProducer},
};
use crate::events::bus::PublishError;

/// The producers of all topics that have been published to.
pub(super) struct Producers {
    settings: KafkaSettings,
    broker_status: Arc<BrokerStatus>,
    by_topic: Mutex<HashMap<String, Arc<TopicProducer>>>,
}

impl Producers {
    /// Begins empty: a topic's producer is made when it is first published to.
    pub(super) fn new(settings: KafkaSettings, broker_status: Arc<BrokerStatus>) -> Self {
        Self { settings, broker_status, by_topic: Mutex::default() }
    }

    /// Publishes `count` messages to a topic, in order, as [`TopicProducer::publish`] does.
    pub(super) async fn publish<'r>(
        &self,
        topic: &str,
        count: usize,
        record: impl Fn(usize) -> Record<'r> + Send + Sync,
    ) -> Result<(), PublishError> {
        self.producer(topic).publish(count, record).await
    }

    fn producer(&self, topic: &str) -> Arc<TopicProducer> {
        let mut producers = self.by_topic.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(producer) = producers.get(topic) {
            return Arc::clone(producer);
        }
        let producer =
            Arc::new(TopicProducer::new(topic, self.settings.clone(), Arc::clone(&self.broker_status)));
        producers.insert(topic.to_owned(), Arc::clone(&producer));
        producer
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
