//! Measures the lag of a whole group at the broker: the topics' end offsets at several moments against the offsets that
//! the group has committed. So the lag is also known while partitions wait for a crashed consumer's session to expire,
//! while another process does the work, and while no message can arrive.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use rdkafka::{
    Offset, TopicPartitionList,
    consumer::{Consumer as _, StreamConsumer},
    error::{KafkaError, KafkaResult},
};
use tokio::time::Instant;

use super::{consumer_context::GroupConsumerContext, partitions::Partitions, settings::KafkaSettings};
use crate::events::{
    bus::{GroupProgress, Subscription},
    milestones::Milestones,
};

/// Interval between two samples.
const SAMPLE_INTERVAL: Duration = Duration::from_millis(200);
/// Timeout of each request to the broker.
const BROKER_TIMEOUT: Duration = Duration::from_secs(1);

/// A topic and a partition of it.
type Partition = (String, i32);
type Offsets = HashMap<Partition, i64>;

/// One group's progress, shared by its monitor and the bus.
pub(super) type SharedProgress = Arc<Mutex<GroupProgress>>;

/// Measures the lag of one group.
pub(super) struct LagMonitor {
    subscription: Subscription,
    consumer: Weak<StreamConsumer<GroupConsumerContext>>,
    partitions: Arc<Mutex<Partitions>>,
    /// The topics' end offsets, and up to which moment the group has served them.
    ends: Milestones<Offsets>,
    progress: SharedProgress,
}

/// The offsets at one moment.
struct LagSample {
    ends: Offsets,
    /// The committed offsets; for a partition without one, its first offset.
    committed: Offsets,
}

impl LagMonitor {
    pub(super) fn new(
        subscription: &Subscription,
        settings: &KafkaSettings,
        consumer: Weak<StreamConsumer<GroupConsumerContext>>,
        progress: SharedProgress,
    ) -> Self {
        let partitions = Arc::new(Mutex::new(Partitions::of(&subscription.topics, settings)));
        Self {
            subscription: subscription.clone(),
            consumer,
            partitions,
            ends: Milestones::default(),
            progress,
        }
    }

    /// Updates the group's progress until the group's consumer is dropped.
    pub(super) async fn run(mut self) {
        loop {
            let Some(consumer) = self.consumer.upgrade() else { return };
            let moment = Instant::now();
            let is_at_end = match self.sample(consumer).await {
                Ok(sample) => self.note(moment, sample),
                Err(error) => {
                    tracing::debug!(group = self.subscription.group, %error, "the group's lag is not known");
                    false
                }
            };
            let behind = self.publish(is_at_end).behind();
            metrics::gauge!("wallet_bus_behind_seconds", "group" => self.subscription.group.clone())
                .set(behind.min(Duration::from_secs(86_400)).as_secs_f64());
            tokio::time::sleep(SAMPLE_INTERVAL).await;
        }
    }

    /// Takes a sample on a thread that may block.
    async fn sample(&self, consumer: Arc<StreamConsumer<GroupConsumerContext>>) -> KafkaResult<LagSample> {
        let partitions = Arc::clone(&self.partitions);
        let sampled = tokio::task::spawn_blocking(move || {
            let mut partitions = partitions.lock().unwrap_or_else(PoisonError::into_inner);
            LagSample::take(&consumer, partitions.list()?)
        });
        sampled.await.map_err(|_| KafkaError::Canceled)?
    }

    /// Returns whether the group has reached the end offsets of this sample, which was begun at `moment`.
    fn note(&mut self, moment: Instant, sample: LagSample) -> bool {
        let LagSample { ends, committed } = sample;
        self.ends.note(moment, ends);
        let has_reached = |(partition, end): (&Partition, &i64)| {
            committed.get(partition).is_some_and(|offset| offset >= end)
        };
        self.ends.advance(|ends| ends.iter().all(has_reached));
        self.ends.is_at_end()
    }

    fn publish(&self, is_at_end: bool) -> GroupProgress {
        let mut known = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        *known = GroupProgress { served_through: known.served_through.max(self.ends.reached()), is_at_end };
        *known
    }
}

impl LagSample {
    fn take(
        consumer: &StreamConsumer<GroupConsumerContext>,
        partitions: &TopicPartitionList,
    ) -> KafkaResult<Self> {
        let ends = at(consumer, partitions, Offset::End)?;
        let mut committed = offsets(&consumer.committed_offsets(partitions.clone(), BROKER_TIMEOUT)?)?;
        if ends.iter().any(|(partition, end)| committed.get(partition).is_none_or(|offset| offset < end)) {
            // Messages that retention has removed do not count as lag.
            for (partition, start) in at(consumer, partitions, Offset::Beginning)? {
                let offset = committed.entry(partition).or_insert(start);
                *offset = start.max(*offset);
            }
        }
        consumer.context().broker_status.mark_up();
        Ok(Self { ends, committed })
    }
}

fn at(
    consumer: &StreamConsumer<GroupConsumerContext>,
    partitions: &TopicPartitionList,
    offset: Offset,
) -> KafkaResult<Offsets> {
    let mut wanted = partitions.clone();
    wanted.set_all_offsets(offset)?;
    offsets(&consumer.offsets_for_times(wanted, BROKER_TIMEOUT)?)
}

/// The offsets that are known, by partition.
fn offsets(list: &TopicPartitionList) -> KafkaResult<Offsets> {
    let mut offsets = Offsets::new();
    for element in list.elements() {
        element.error()?;
        if let Offset::Offset(offset) = element.offset() {
            offsets.insert((element.topic().to_owned(), element.partition()), offset);
        }
    }
    Ok(offsets)
}
