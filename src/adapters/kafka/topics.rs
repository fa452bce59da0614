//! Creates topics, and probes whether the brokers answer.

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

/// Timeout for the creation of topics.
const CREATE_TIMEOUT: Duration = Duration::from_secs(10);
/// Timeout for a probe.
const PROBE_TIMEOUT: Duration = Duration::from_secs(2);

/// The context of a client that is used for single requests: their results are enough, its log is not read.
pub(super) struct QuietContext;

impl ClientContext for QuietContext {
    /// The producers and the consumer log once that the brokers cannot be reached.
    fn error(&self, error: KafkaError, reason: &str) {
        debug!(%error, reason, "a client for single requests has lost a broker");
    }
}

impl ConsumerContext for QuietContext {}

/// Creates the topics that are missing. An existing topic is left as it is.
pub(super) async fn create(settings: &KafkaSettings, topics: &[String]) -> Result<(), String> {
    let admin: AdminClient<QuietContext> =
        settings.client().create_with_context(QuietContext).map_err(|error: KafkaError| error.to_string())?;
    let wanted: Vec<NewTopic<'_>> = topics.iter().map(|topic| new_topic(topic, settings)).collect();
    let options =
        AdminOptions::new().request_timeout(Some(CREATE_TIMEOUT)).operation_timeout(Some(CREATE_TIMEOUT));
    let created = admin.create_topics(&wanted, &options).await;
    // Dropping a client blocks.
    tokio::task::spawn_blocking(move || drop(admin));
    for result in created.map_err(|error| error.to_string())? {
        match result {
            Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((topic, code)) => return Err(format!("the topic {topic} cannot be created: {code}")),
        }
    }
    Ok(())
}

fn new_topic<'t>(name: &'t str, settings: &KafkaSettings) -> NewTopic<'t> {
    let topic = NewTopic::new(name, settings.partitions, TopicReplication::Fixed(settings.replication));
    // From three replicas on, a message is confirmed only when two have it, also while one broker is down.
    if settings.replication >= 3 { topic.set("min.insync.replicas", "2") } else { topic }
}

/// A client that probes the brokers. It is reused while they answer; after a failure the next probe makes a new one,
/// because the events of a client that is not polled pile up in it.
#[derive(Default)]
pub(super) struct Probe {
    client: Option<BaseConsumer<QuietContext>>,
}

impl Probe {
    /// Requests the brokers' metadata. Blocks for [`PROBE_TIMEOUT`] at most.
    pub(super) fn run(&mut self, settings: &KafkaSettings) -> Result<(), KafkaError> {
        let client = match self.client.take() {
            Some(client) => client,
            None => {
                settings.client().set_log_level(RDKafkaLogLevel::Emerg).create_with_context(QuietContext)?
            }
        };
        client.fetch_metadata(None, PROBE_TIMEOUT)?;
        self.client = Some(client);
        Ok(())
    }
}
