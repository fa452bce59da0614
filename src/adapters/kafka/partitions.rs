//! Which partitions some topics have. A client of its own requests them: requested by a group's consumer for one topic
//! after another, the metadata make the group rebalance again and again.

use std::time::Duration;

use rdkafka::{
    TopicPartitionList,
    config::RDKafkaLogLevel,
    consumer::{BaseConsumer, Consumer},
    error::{KafkaError, KafkaResult, RDKafkaErrorCode},
};
use tokio::time::Instant;

use super::{settings::KafkaSettings, topics::QuietContext};

/// How long the list is reused. A partition that was added since is missing from the lag, so this is well within what
/// the cache's lease leaves of 5 s.
const LIST_TTL: Duration = Duration::from_secs(1);
/// Timeout of each request to the broker.
const BROKER_TIMEOUT: Duration = Duration::from_secs(1);

/// The partitions of some topics.
pub(super) struct Partitions {
    topics: Vec<String>,
    settings: KafkaSettings,
    /// Reused while the broker answers.
    client: Option<BaseConsumer<QuietContext>>,
    listed: Option<(Instant, TopicPartitionList)>,
}

impl Partitions {
    pub(super) fn of(topics: &[String], settings: &KafkaSettings) -> Self {
        Self { topics: topics.to_vec(), settings: settings.clone(), client: None, listed: None }
    }

    /// The partitions of all topics, at most [`LIST_TTL`] old. Blocks.
    pub(super) fn list(&mut self) -> KafkaResult<&TopicPartitionList> {
        let known = self.listed.take_if(|(at, _)| at.elapsed() < LIST_TTL);
        let listed = match known {
            Some(listed) => listed,
            None => (Instant::now(), self.fetch()?),
        };
        Ok(&self.listed.insert(listed).1)
    }

    fn fetch(&mut self) -> KafkaResult<TopicPartitionList> {
        let client = match self.client.take() {
            Some(client) => client,
            None => self
                .settings
                .client()
                .set_log_level(RDKafkaLogLevel::Emerg)
                .create_with_context(QuietContext)?,
        };
        let mut list = TopicPartitionList::new();
        for topic in &self.topics {
            let metadata = client.fetch_metadata(Some(topic), BROKER_TIMEOUT)?;
            let found = metadata.topics().iter().flat_map(|topic| topic.partitions());
            let before = list.count();
            for partition in found {
                list.add_partition(topic, partition.id());
            }
            if list.count() == before {
                return Err(KafkaError::MetadataFetch(RDKafkaErrorCode::UnknownTopicOrPartition));
            }
        }
        self.client = Some(client);
        Ok(list)
    }
}
