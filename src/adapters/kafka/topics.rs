//! Making topics, and asking whether the brokers are there.

use std::time::Duration;

use rdkafka::{
    ClientContext,
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    consumer::{BaseConsumer, Consumer, ConsumerContext},
    error::{KafkaError, RDKafkaErrorCode},
};

use super::settings::KafkaSettings;

/// How long the brokers may take to make topics.
const MAKE_LIMIT: Duration = Duration::from_secs(10);
/// How long the brokers may take to answer a probe.
const PROBE_LIMIT: Duration = Duration::from_secs(2);

/// A client for one question. Its log is not read: the answer says all.
struct OneQuestion;

impl ClientContext for OneQuestion {}
impl ConsumerContext for OneQuestion {}

/// Makes the topics that are missing. One that is there stays as it is.
pub(super) async fn make(settings: &KafkaSettings, topics: &[String]) -> Result<(), String> {
    let admin: AdminClient<OneQuestion> =
        settings.client().create_with_context(OneQuestion).map_err(|error: KafkaError| error.to_string())?;
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

/// Asks the brokers for their metadata. Blocks for [`PROBE_LIMIT`] at most.
pub(super) fn probe(settings: &KafkaSettings) -> Result<(), KafkaError> {
    let client: BaseConsumer<OneQuestion> = settings.client().create_with_context(OneQuestion)?;
    client.fetch_metadata(None, PROBE_LIMIT).map(drop)
}
