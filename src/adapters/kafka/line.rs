//! One topic's producer: batches one after another, and a new producer after any trouble.

use std::{sync::Arc, time::Duration};

use rdkafka::{
    error::{KafkaError, RDKafkaErrorCode},
    producer::{BaseRecord, Producer, PurgeConfig, ThreadedProducer},
};
use tokio::{sync::Mutex, task::JoinHandle};

use super::{
    reach::Reach,
    settings::KafkaSettings,
    tally::{Reports, Tally},
};
use crate::events::bus::PublishError;

/// A message as librdkafka takes it; it copies key and payload. The number is the message's index in its batch.
pub(super) type Record<'r> = BaseRecord<'r, [u8], [u8], usize>;

/// The number of messages after which the thread is given back for a moment.
const STRIDE: usize = 256;

/// The way into one topic.
pub(super) struct Line {
    topic: String,
    settings: KafkaSettings,
    reach: Arc<Reach>,
    /// Its lock is what makes batches go one after another.
    slot: Mutex<Slot>,
}

#[derive(Default)]
struct Slot {
    live: Option<Live>,
    /// A producer that is being ended, on a thread of its own because that blocks. No new one begins before it is
    /// gone: it might still send.
    leaving: Option<JoinHandle<()>>,
}

struct Live {
    producer: ThreadedProducer<Reports>,
    tally: Arc<Tally>,
    /// A batch was begun and has not ended well. Seen by the next batch, it means that the caller dropped the first
    /// one midway, or that it failed: what is still in flight must not come after what is published next.
    in_use: bool,
}

struct Failure {
    /// How many messages were handed to the producer.
    sent: usize,
    reason: String,
}

impl Line {
    pub(super) fn new(topic: &str, settings: KafkaSettings, reach: Arc<Reach>) -> Self {
        Self { topic: topic.to_owned(), settings, reach, slot: Mutex::default() }
    }

    /// Publishes `count` messages in order and waits for every report, for as long as it takes. Dropping the future
    /// is safe: the next batch begins with a new producer.
    pub(super) async fn publish<'r>(
        &self,
        count: usize,
        record: impl Fn(usize) -> Record<'r> + Send + Sync,
    ) -> Result<(), PublishError> {
        let mut slot = self.slot.lock().await;
        slot.clear().await;
        let live = match slot.live.take() {
            Some(live) => live,
            None => {
                self.connect().map_err(|error| PublishError { confirmed: 0, reason: error.to_string() })?
            }
        };
        let live = slot.live.insert(live);
        live.in_use = true;
        let Err(failure) = live.deliver(count, record).await else {
            live.in_use = false;
            return Ok(());
        };
        let tally = Arc::clone(&live.tally);
        slot.clear().await;
        // Without all the reports nothing is known for certain of any message.
        let reported = tally.pending() == 0;
        let first_failed = tally.failure().map_or(failure.sent, |(index, _)| index);
        let confirmed = if reported { first_failed.min(failure.sent) } else { 0 };
        Err(PublishError { confirmed, reason: failure.reason })
    }

    fn connect(&self) -> Result<Live, KafkaError> {
        let tally = Arc::new(Tally::default());
        let reports =
            Reports { topic: self.topic.clone(), tally: Arc::clone(&tally), reach: Arc::clone(&self.reach) };
        let producer = self.settings.producer().create_with_context(reports)?;
        Ok(Live { producer, tally, in_use: false })
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let Some(live) = self.slot.get_mut().live.take() else { return };
        // Ending a producer blocks for some tenths of a second.
        std::thread::spawn(move || drop(live));
    }
}

impl Slot {
    /// Ends a producer that has something in flight, with all its reports, and waits until it is gone.
    async fn clear(&mut self) {
        if let Some(live) = self.live.take_if(|live| live.in_use) {
            self.leaving = Some(tokio::task::spawn_blocking(move || {
                live.producer.purge(PurgeConfig::default().queue().inflight());
                drop(live);
            }));
        }
        if let Some(leaving) = self.leaving.as_mut() {
            if let Err(error) = leaving.await {
                tracing::error!(%error, "a producer ended badly");
            }
            self.leaving = None;
        }
    }
}

impl Live {
    async fn deliver<'r>(
        &self,
        count: usize,
        record: impl Fn(usize) -> Record<'r> + Send + Sync,
    ) -> Result<(), Failure> {
        self.tally.begin(count);
        let mut sent = 0;
        while sent < count {
            match self.producer.send(record(sent)) {
                Ok(()) => sent += 1,
                // More than librdkafka keeps: it drains by itself.
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), _)) => {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                Err((error, _)) => return Err(self.after_refusal(count, sent, &error).await),
            }
            if sent % STRIDE == 0 {
                tokio::task::yield_now().await;
                if let Some((_, reason)) = self.tally.failure() {
                    self.tally.forgo(count - sent);
                    return Err(Failure { sent, reason });
                }
            }
        }
        self.tally.settled().await.map_err(|reason| Failure { sent, reason })
    }

    /// The producer does not take the next message at all, say for its size. Those before it are still delivered, or
    /// the topic would never get past the same place.
    async fn after_refusal(&self, count: usize, sent: usize, error: &KafkaError) -> Failure {
        self.tally.forgo(count - sent);
        let reason = self.tally.settled().await.err().unwrap_or_else(|| error.to_string());
        Failure { sent, reason }
    }
}
