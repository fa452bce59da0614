//! The port's implementation.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use rdkafka::message::{Header, OwnedHeaders};
use tokio_util::sync::CancellationToken;

use super::{
    lag::SharedProgress,
    line::{Line, Record},
    marks,
    member::Member,
    reach::Reach,
    settings::KafkaSettings,
    topics::{self, Probe},
};
use crate::events::{
    bus::{BusError, Consumer, EventBus, GroupProgress, Message, PublishError, Subscription},
    event::{Event, RowMark},
};

/// Between two attempts at something that failed.
const PAUSE: Duration = Duration::from_secs(1);

/// Publishes to Kafka and serves from it. Making one touches no network.
pub struct KafkaBus {
    settings: KafkaSettings,
    reach: Arc<Reach>,
    /// One for each topic, so that a topic in trouble does not hold up another.
    lines: Mutex<HashMap<String, Arc<Line>>>,
    /// Its lock is what keeps a crowd that asks at once from making a client, with its threads, for each.
    probe: Arc<tokio::sync::Mutex<Probe>>,
    /// By group.
    progress: Mutex<HashMap<String, SharedProgress>>,
}

impl KafkaBus {
    /// A bus over these brokers.
    #[must_use]
    pub fn new(settings: KafkaSettings) -> Self {
        Self {
            settings,
            reach: Arc::default(),
            lines: Mutex::default(),
            probe: Arc::default(),
            progress: Mutex::default(),
        }
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

    pub(super) fn settings(&self) -> &KafkaSettings {
        &self.settings
    }

    /// Where a group's progress is noted.
    pub(super) fn shared_progress(&self, group: &str) -> SharedProgress {
        let mut all = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(all.entry(group.to_owned()).or_default())
    }

    /// Puts messages into their dead-letter topics, which are made if they are missing. Ends only when all are there.
    pub(super) async fn bury(&self, letters: &[Message]) {
        for run in letters.chunk_by(|a, b| a.topic == b.topic) {
            let mut run = run;
            let mut is_made = false;
            while let Some(first) = run.first() {
                if !is_made {
                    is_made = self.make_topics(std::slice::from_ref(&first.topic)).await.is_ok();
                }
                let published =
                    self.line(&first.topic).publish(run.len(), |index| letter(&run[index], index)).await;
                let Err(error) = published else { break };
                tracing::warn!(topic = first.topic, %error, "a dead letter waits");
                run = &run[error.confirmed..];
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

#[async_trait]
impl EventBus for KafkaBus {
    async fn publish(&self, events: &[Event]) -> Result<(), PublishError> {
        let mut confirmed = 0;
        for run in events.chunk_by(|a, b| a.topic == b.topic) {
            let published =
                self.line(&run[0].topic).publish(run.len(), |index| record(&run[index], index)).await;
            if let Err(mut error) = published {
                metrics::counter!("wallet_bus_publish_errors_total").increment(1);
                error.confirmed += confirmed;
                return Err(error);
            }
            metrics::counter!("wallet_bus_published_total", "topic" => run[0].topic.clone())
                .increment(run.len() as u64);
            confirmed += run.len();
        }
        Ok(())
    }

    async fn serve(&self, subscription: Subscription, consumer: Arc<dyn Consumer>, stop: CancellationToken) {
        while !stop.is_cancelled() {
            match Member::join(&self.settings, &self.reach, &subscription) {
                Ok(member) => member.serve(self, consumer.as_ref(), &stop).await,
                Err(error) => tracing::error!(group = subscription.group, %error, "cannot serve"),
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(PAUSE) => {}
            }
        }
    }

    fn progress(&self, group: &str) -> GroupProgress {
        *self.shared_progress(group).lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn make_topics(&self, topics: &[String]) -> Result<(), BusError> {
        topics::make(&self.settings, topics).await.map_err(BusError)
    }

    async fn newest(&self, topic: &str) -> Result<Vec<RowMark>, BusError> {
        let (settings, topic) = (self.settings.clone(), topic.to_owned());
        let read = tokio::task::spawn_blocking(move || marks::newest(&settings, &topic)).await;
        read.map_err(|error| BusError(error.to_string()))?.map_err(|error| BusError(error.to_string()))
    }

    async fn ping(&self) -> Result<(), BusError> {
        let settings = self.settings.clone();
        let mut probe = Arc::clone(&self.probe).lock_owned().await;
        let answer = tokio::task::spawn_blocking(move || probe.ask(&settings)).await;
        answer.map_err(|error| BusError(error.to_string()))?.map_err(|error| BusError(error.to_string()))?;
        self.reach.regained();
        Ok(())
    }

    fn name(&self) -> &'static str {
        "kafka"
    }

    fn is_durable(&self) -> bool {
        true
    }
}

fn record(event: &Event, index: usize) -> Record<'_> {
    let headers = event.headers.iter().map(|(key, value)| (*key, Some(value.as_bytes())));
    Record::with_opaque_to(&event.topic, index)
        .key(event.key.as_bytes())
        .payload(&event.payload)
        .headers(kafka_headers(event.headers.len(), headers))
}

fn letter(message: &Message, index: usize) -> Record<'_> {
    let headers = message.headers.iter().map(|(key, value)| (key.as_str(), value.as_deref()));
    let mut record =
        Record::with_opaque_to(&message.topic, index).headers(kafka_headers(message.headers.len(), headers));
    record.key = message.key.as_deref();
    record.payload = message.payload.as_deref();
    record
}

fn kafka_headers<'h>(
    count: usize,
    headers: impl Iterator<Item = (&'h str, Option<&'h [u8]>)>,
) -> OwnedHeaders {
    headers
        .fold(OwnedHeaders::new_with_capacity(count), |all, (key, value)| all.insert(Header { key, value }))
}
