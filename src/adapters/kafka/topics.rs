//! Making topics, and asking whether the brokers are there.

use std::time::Duration;

use rdkafka::{
    ClientContext,
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    config::RDKafkaLogLevel,
    consumer::{BaseConsumer, Consumer, ConsumerContext},
    error::{KafkaError, RDKafkaErrorCode},
};
use tracing::debug;

use super::settings::KafkaSettings;

/// How long the brokers may take to make topics.
const MAKE_LIMIT: Duration = Duration::from_secs(10);
/// How long the brokers may take to answer a probe.
const PROBE_LIMIT: Duration = Duration::from_secs(2);

/// The context of a client that is asked now and then. Its log is not read: the answer says all.
pub(super) struct Asked;

impl ClientContext for Asked {
    /// The producer's and the consumer's clients log once that the brokers can't be reached.
    fn error(&self, error: KafkaError, reason: &str) {
        debug!(%error, reason, "a client that is asked now and then has lost a broker");
    }
}

impl ConsumerContext for Asked {}

/// Makes the topics that are missing. One that is there stays as it is.
pub(super) async fn make(settings: &KafkaSettings, topics: &[String]) -> Result<(), String> {
    let admin: AdminClient<Asked> =
        settings.client().create_with_context(Asked).map_err(|error: KafkaError| error.to_string())?;
    let wanted: Vec<NewTopic<'_>> = topics.iter().map(|topic| new_topic(topic, settings)).collect();
    let options = AdminOptions::new().request_timeout(Some(MAKE_LIMIT)).operation_timeout(Some(MAKE_LIMIT));
    let made = admin.create_topics(&wanted, &options).await;
    // Ending a client blocks.
    tokio::task::spawn_blocking(move || drop(admin));
    for result in made.map_err(|error| error.to_string())? {
        match result {
            Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((topic, code)) => return Err(format!("the topic {topic} cannot be made: {code}")),
        }
    }
    Ok(())
}

fn new_topic<'t>(name: &'t str, settings: &KafkaSettings) -> NewTopic<'t> {
    let topic = NewTopic::new(name, settings.partitions, TopicReplication::Fixed(settings.replication));
    // With three copies or more, one broker may be away without a confirmed message being in one place only.
    if settings.replication >= 3 { topic.set("min.insync.replicas", "2") } else { topic }
}

/// A client for asking whether the brokers are there. It is kept while they are; after a failure the next question
/// begins with a new one, because what happens to a client that nobody polls only piles up in it.
#[derive(Default)]
pub(super) struct Probe {
    client: Option<BaseConsumer<Asked>>,
}

impl Probe {
    /// Asks the brokers for their metadata. Blocks for [`PROBE_LIMIT`] at most.
    pub(super) fn ask(&mut self, settings: &KafkaSettings) -> Result<(), KafkaError> {
        let client = match self.client.take() {
            Some(client) => client,
            None => settings.client().set_log_level(RDKafkaLogLevel::Emerg).create_with_context(Asked)?,
        };
        client.fetch_metadata(None, PROBE_LIMIT)?;
        self.client = Some(client);
        Ok(())
    }
}
