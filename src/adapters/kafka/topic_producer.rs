//! One topic's producer: batches one after another, and a new producer after any failure.

use std::{sync::Arc, time::Duration};

use rdkafka::{
    error::{KafkaError, RDKafkaErrorCode},
    producer::{BaseRecord, Producer, PurgeConfig, ThreadedProducer},
};
use tokio::{sync::Mutex, task::JoinHandle};

use super::{
    broker_status::BrokerStatus,
    delivery_tracker::{DeliveryContext, DeliveryTracker},
    settings::KafkaSettings,
};
use crate::events::bus::PublishError;

/// A message as librdkafka takes it, which copies key and payload. The number is the message's index in its batch.
pub(super) type Record<'r> = BaseRecord<'r, [u8], [u8], usize>;

/// The number of messages after which the task yields.
const YIELD_EVERY_MESSAGES: usize = 256;

/// Publishes to one topic.
pub(super) struct TopicProducer {
    topic: String,
    settings: KafkaSettings,
    broker_status: Arc<BrokerStatus>,
    /// Locked for each batch, so that batches are published one after another.
    slot: Mutex<ProducerSlot>,
}

#[derive(Default)]
struct ProducerSlot {
    active: Option<ActiveProducer>,
    /// A producer that is being closed, on a thread of its own because that blocks. No new one begins before it is
    /// closed: it might still send.
    closing: Option<JoinHandle<()>>,
}

struct ActiveProducer {
    producer: ThreadedProducer<DeliveryContext>,
    tracker: Arc<DeliveryTracker>,
    /// A batch was begun and was not confirmed. If the next batch finds this set, the caller has dropped the first one
    /// midway, or it failed: its messages in flight must not follow those that are published next.
    in_use: bool,
}

struct Failure {
    /// The number of messages that the producer took.
    sent: usize,
    reason: String,
}

impl TopicProducer {
    pub(super) fn new(topic: &str, settings: KafkaSettings, broker_status: Arc<BrokerStatus>) -> Self {
        Self { topic: topic.to_owned(), settings, broker_status, slot: Mutex::default() }
    }

    /// Publishes `count` messages in order and waits without a timeout for every delivery report. Dropping the
    /// future is safe: the next batch begins with a new producer.
    pub(super) async fn publish<'r>(
        &self,
        count: usize,
        record: impl Fn(usize) -> Record<'r> + Send + Sync,
    ) -> Result<(), PublishError> {
        let mut slot = self.slot.lock().await;
        slot.clear().await;
        let active = match slot.active.take() {
            Some(active) => active,
            None => {
                self.connect().map_err(|error| PublishError { confirmed: 0, reason: error.to_string() })?
            }
        };
        let active = slot.active.insert(active);
        active.in_use = true;
        let Err(failure) = active.deliver(count, record).await else {
            active.in_use = false;
            return Ok(());
        };
        let tracker = Arc::clone(&active.tracker);
        slot.clear().await;
        // As long as reports are missing, no message is known to be stored.
        let reported = tracker.pending() == 0;
        let first_failed = tracker.failure().map_or(failure.sent, |(index, _)| index);
        let confirmed = if reported { first_failed.min(failure.sent) } else { 0 };
        Err(PublishError { confirmed, reason: failure.reason })
    }

    fn connect(&self) -> Result<ActiveProducer, KafkaError> {
        let tracker = Arc::new(DeliveryTracker::default());
        let reports = DeliveryContext {
            topic: self.topic.clone(),
            tracker: Arc::clone(&tracker),
            broker_status: Arc::clone(&self.broker_status),
        };
        let producer = self.settings.producer().create_with_context(reports)?;
        Ok(ActiveProducer { producer, tracker, in_use: false })
    }
}

impl Drop for TopicProducer {
    fn drop(&mut self) {
        let Some(active) = self.slot.get_mut().active.take() else { return };
        // Closing a producer blocks for some tenths of a second.
        std::thread::spawn(move || drop(active));
    }
}

impl ProducerSlot {
    /// Closes a producer that has messages in flight, which gives their reports, and waits until it is closed.
    async fn clear(&mut self) {
        if let Some(active) = self.active.take_if(|active| active.in_use) {
            self.closing = Some(tokio::task::spawn_blocking(move || {
                active.producer.purge(PurgeConfig::default().queue().inflight());
                drop(active);
            }));
        }
        if let Some(closing) = self.closing.as_mut() {
            if let Err(error) = closing.await {
                tracing::error!(%error, "a producer's closing failed");
            }
            self.closing = None;
        }
    }
}

impl ActiveProducer {
    async fn deliver<'r>(
        &self,
        count: usize,
        record: impl Fn(usize) -> Record<'r> + Send + Sync,
    ) -> Result<(), Failure> {
        self.tracker.begin(count);
        let mut sent = 0;
        while sent < count {
            match self.producer.send(record(sent)) {
                Ok(()) => sent += 1,
                // librdkafka's queue is full; it drains by itself.
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), _)) => {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                Err((error, _)) => return Err(self.after_refusal(count, sent, &error).await),
            }
            if sent % YIELD_EVERY_MESSAGES == 0 {
                tokio::task::yield_now().await;
                if let Some((_, reason)) = self.tracker.failure() {
                    self.tracker.discount(count - sent);
                    return Err(Failure { sent, reason });
                }
            }
        }
        self.tracker.settled().await.map_err(|reason| Failure { sent, reason })
    }

    /// The producer refuses the next message, for its size for example. The messages before it are still delivered,
    /// or the topic would never get beyond them.
    async fn after_refusal(&self, count: usize, sent: usize, error: &KafkaError) -> Failure {
        self.tracker.discount(count - sent);
        let reason = self.tracker.settled().await.err().unwrap_or_else(|| error.to_string());
        Failure { sent, reason }
    }
}
