//! Which partitions some topics have. They are asked for by a client of their own: asked by a member of a group for one
//! topic after another, the metadata keep the group from settling.

use std::time::Duration;

use rdkafka::{
    TopicPartitionList,
    config::RDKafkaLogLevel,
    consumer::{BaseConsumer, Consumer},
    error::{KafkaError, KafkaResult, RDKafkaErrorCode},
};
use tokio::time::Instant;

use super::{settings::KafkaSettings, topics::Asked};

/// How long the list holds. A message in a partition that was added since is missing where the topics' ends are asked
/// for, so this is well within what the cache's lease leaves to 5 s.
const LIST_HOLDS: Duration = Duration::from_secs(1);
/// How long the answer of the broker may take.
const LIMIT: Duration = Duration::from_secs(1);

/// The partitions of some topics.
pub(super) struct Partitions {
    topics: Vec<String>,
    settings: KafkaSettings,
    /// Kept while the broker answers.
    client: Option<BaseConsumer<Asked>>,
    listed: Option<(Instant, TopicPartitionList)>,
}

impl Partitions {
    pub(super) fn of(topics: &[String], settings: &KafkaSettings) -> Self {
        Self { topics: topics.to_vec(), settings: settings.clone(), client: None, listed: None }
    }

    /// The partitions of all topics, as they were a second ago at most. Blocks.
    pub(super) fn list(&mut self) -> KafkaResult<&TopicPartitionList> {
        let known = self.listed.take_if(|(at, _)| at.elapsed() < LIST_HOLDS);
        let listed = match known {
            Some(listed) => listed,
            None => (Instant::now(), self.ask()?),
        };
        Ok(&self.listed.insert(listed).1)
    }

    fn ask(&mut self) -> KafkaResult<TopicPartitionList> {
        let client = match self.client.take() {
            Some(client) => client,
            None => {
                self.settings.client().set_log_level(RDKafkaLogLevel::Emerg).create_with_context(Asked)?
            }
        };
        let mut list = TopicPartitionList::new();
        for topic in &self.topics {
            let metadata = client.fetch_metadata(Some(topic), LIMIT)?;
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
