//! The port to the bus that carries events: Kafka, or the one inside this process.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use shaku::Interface;
use thiserror::Error;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::event::{Event, RowMark};

/// Publishing stopped. The first `confirmed` events are in the topic; the others may or may not be, and the publisher
/// begins again with the first of them, so that no later event overtakes an earlier one.
#[derive(Debug, Error)]
#[error("published {confirmed} events, then: {reason}")]
pub struct PublishError {
    pub confirmed: usize,
    pub reason: String,
}

/// The bus cannot be reached; the text is for the log and `/health`.
#[derive(Debug, Error)]
#[error("event bus: {0}")]
pub struct BusError(pub String);

/// A message as it lies in a topic. Kafka distinguishes null from empty in keys, payloads and header values, and all
/// three are bytes: others write to our topics as well, and a dead letter keeps what they wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    pub topic: String,
    /// None: null.
    pub key: Option<Vec<u8>>,
    /// None: null, a tombstone where a topic is compacted.
    pub payload: Option<Vec<u8>>,
    /// Names and values, in their order; a name may come more than once. None: null.
    pub headers: Vec<(String, Option<Vec<u8>>)>,
}

impl Message {
    /// The first header of this name, if its value is UTF-8 text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(key, _)| key == name)?;
        std::str::from_utf8(value.as_deref()?).ok()
    }
}

/// A message cannot be understood, now or ever; it goes to `<topic>.dlq` with this reason.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct Poison(pub String);

/// What is done when messages arrive.
#[async_trait]
pub trait Consumer: Send + Sync + 'static {
    /// Does the work for these messages, in their order. Passing troubles are waited out inside; what comes back
    /// names the messages (by index) that can never be served. Doing the same message twice must do no harm.
    async fn consume(&self, messages: &[Message]) -> Vec<(usize, Poison)>;
}

/// Who listens, and to what.
#[derive(Clone, Debug)]
pub struct Subscription {
    /// Processes with the same group share the work.
    pub group: String,
    pub topics: Vec<String>,
}

/// How long a bus's answer that a group has served everything counts for people who ask; then the group counts as
/// behind by the answer's age.
const PROGRESS_HOLDS: Duration = Duration::from_secs(1);

/// How far a group has come with its topics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GroupProgress {
    /// The group has served everything that lay in its topics at this moment; none: not known.
    pub served_through: Option<Instant>,
    /// The last look found nothing that the group had not served.
    pub is_at_end: bool,
}

impl GroupProgress {
    /// How far the group is behind, for people: zero when it has served everything, [`Duration::MAX`] when that is
    /// not known.
    #[must_use]
    pub fn behind(&self) -> Duration {
        match self.served_through.map(|moment| moment.elapsed()) {
            Some(age) if self.is_at_end && age < PROGRESS_HOLDS => Duration::ZERO,
            Some(age) => age,
            None => Duration::MAX,
        }
    }
}

/// Carries events, in order for each key, at least once.
#[async_trait]
pub trait EventBus: Interface {
    /// Publishes in this order; returns when the bus has confirmed every one.
    async fn publish(&self, events: &[Event]) -> Result<(), PublishError>;

    /// Hands messages to the consumer until `stop`, an offset being committed only after the work is done. Never
    /// gives up: a bus that is unavailable is waited for.
    async fn serve(&self, subscription: Subscription, consumer: Arc<dyn Consumer>, stop: CancellationToken);

    /// How far a group has come, as last seen by this process, which has to be a member of it.
    fn progress(&self, group: &str) -> GroupProgress;

    /// Makes the topics that are missing.
    async fn make_topics(&self, topics: &[String]) -> Result<(), BusError>;

    /// Which rows the newest message of each of a topic's partitions is of; those that do not say it are left out.
    async fn newest(&self, topic: &str) -> Result<Vec<RowMark>, BusError>;

    /// Reaches for the bus, for `/health`.
    async fn ping(&self) -> Result<(), BusError>;

    /// What serves: `kafka` or `in-process`.
    fn name(&self) -> &'static str;

    /// Whether what was published survives this process. If not, the relay starts from the present in each process.
    fn is_durable(&self) -> bool;
}
