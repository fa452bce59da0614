//! The port's implementation.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use super::{
    broker_status::BrokerStatus,
    dead_letters::DeadLetters,
    group_consumer::GroupConsumer,
    lag::SharedProgress,
    marks,
    producers::{Producers, kafka_headers},
    settings::KafkaSettings,
    topic_producer::Record,
    topics::{self, Probe},
};
use crate::events::{
    bus::{BusError, Consumer, EventBus, GroupProgress, PublishError, Subscription},
    event::{Event, RowMark},
};

/// Delay before a group consumer that ended is replaced.
const REJOIN_DELAY: Duration = Duration::from_secs(1);

/// Publishes to Kafka and consumes from it. Its constructor touches no network.
pub struct KafkaBus {
    settings: KafkaSettings,
    broker_status: Arc<BrokerStatus>,
    producers: Arc<Producers>,
    dead_letters: DeadLetters,
    /// Locked, so that concurrent probes share one client, which has threads of its own.
    probe: Arc<tokio::sync::Mutex<Probe>>,
    /// By group.
    progress: Mutex<HashMap<String, SharedProgress>>,
}

impl KafkaBus {
    /// A bus over these brokers.
    #[must_use]
    pub fn new(settings: KafkaSettings) -> Self {
        let broker_status = Arc::<BrokerStatus>::default();
        let producers = Arc::new(Producers::new(settings.clone(), Arc::clone(&broker_status)));
        Self {
            dead_letters: DeadLetters::new(settings.clone(), Arc::clone(&producers)),
            settings,
            broker_status,
            producers,
            probe: Arc::default(),
            progress: Mutex::default(),
        }
    }

    /// Where a group's progress is noted.
    fn shared_progress(&self, group: &str) -> SharedProgress {
        let mut all = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(all.entry(group.to_owned()).or_default())
    }
}

#[async_trait]
impl EventBus for KafkaBus {
    async fn publish(&self, events: &[Event]) -> Result<(), PublishError> {
        let mut confirmed = 0;
        for run in events.chunk_by(|a, b| a.topic == b.topic) {
            let published =
                self.producers.publish(&run[0].topic, run.len(), |index| record(&run[index], index)).await;
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
            let progress = self.shared_progress(&subscription.group);
            match GroupConsumer::join(&self.settings, &self.broker_status, &subscription, progress) {
                Ok(member) => member.serve(&self.dead_letters, consumer.as_ref(), &stop).await,
                Err(error) => {
                    tracing::error!(group = subscription.group, %error, "the group's consumer cannot be created")
                }
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(REJOIN_DELAY) => {}
            }
        }
    }

    fn progress(&self, group: &str) -> GroupProgress {
        *self.shared_progress(group).lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn make_topics(&self, topics: &[String]) -> Result<(), BusError> {
        topics::create(&self.settings, topics).await.map_err(BusError)
    }

    async fn newest(&self, topic: &str) -> Result<Vec<RowMark>, BusError> {
        let (settings, topic) = (self.settings.clone(), topic.to_owned());
        let read = tokio::task::spawn_blocking(move || marks::newest(&settings, &topic)).await;
        read.map_err(|error| BusError(error.to_string()))?.map_err(|error| BusError(error.to_string()))
    }

    async fn ping(&self) -> Result<(), BusError> {
        let settings = self.settings.clone();
        let mut probe = Arc::clone(&self.probe).lock_owned().await;
        let answer = tokio::task::spawn_blocking(move || probe.run(&settings)).await;
        answer.map_err(|error| BusError(error.to_string()))?.map_err(|error| BusError(error.to_string()))?;
        self.broker_status.mark_up();
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
