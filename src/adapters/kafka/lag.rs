//! How far a whole group is behind its topics, seen from outside: where the topics ended at some moments, and up to
//! where the group has committed. So it is known too when partitions wait for the end of a crashed member's session,
//! when another process does the work, or when nothing comes because nothing can.

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

use super::{membership::Membership, partitions::Partitions, settings::KafkaSettings};
use crate::events::{
    bus::{GroupProgress, Subscription},
    milestones::Milestones,
};

/// Between two looks.
const EVERY: Duration = Duration::from_millis(200);
/// How long each question to the broker may take.
const LIMIT: Duration = Duration::from_secs(1);

type Offsets = HashMap<(String, i32), i64>;

/// What is known of one group's progress, shared by its watcher and those who ask the bus.
pub(super) type SharedProgress = Arc<Mutex<GroupProgress>>;

/// Watches one group.
pub(super) struct Lag {
    subscription: Subscription,
    consumer: Weak<StreamConsumer<Membership>>,
    partitions: Arc<Mutex<Partitions>>,
    /// Where the topics ended, and up to which moment the group has served them.
    ends: Milestones<Offsets>,
    progress: SharedProgress,
}

/// One look at the broker.
struct Look {
    ends: Offsets,
    /// Up to where the group is done; where it never committed, where the partition begins.
    done: Offsets,
}

impl Lag {
    pub(super) fn new(
        subscription: &Subscription,
        settings: &KafkaSettings,
        consumer: Weak<StreamConsumer<Membership>>,
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

    /// Keeps the group's progress up to date for as long as its member lives.
    pub(super) async fn watch(mut self) {
        loop {
            let Some(member) = self.consumer.upgrade() else { return };
            let moment = Instant::now();
            let is_at_end = match self.look(member).await {
                Ok(look) => self.after(moment, look),
                Err(error) => {
                    tracing::debug!(group = self.subscription.group, %error, "how far the group is behind is not known");
                    false
                }
            };
            let behind = self.publish(is_at_end).behind();
            metrics::gauge!("wallet_bus_behind_seconds", "group" => self.subscription.group.clone())
                .set(behind.min(Duration::from_secs(86_400)).as_secs_f64());
            tokio::time::sleep(EVERY).await;
        }
    }

    /// Asks the broker, on a thread that may block.
    async fn look(&self, member: Arc<StreamConsumer<Membership>>) -> KafkaResult<Look> {
        let partitions = Arc::clone(&self.partitions);
        let asked = tokio::task::spawn_blocking(move || {
            let mut partitions = partitions.lock().unwrap_or_else(PoisonError::into_inner);
            Look::take(&member, partitions.list()?)
        });
        asked.await.map_err(|_| KafkaError::Canceled)?
    }

    /// Whether the group has reached the ends of this look, which began at `moment`.
    fn after(&mut self, moment: Instant, look: Look) -> bool {
        let Look { ends, done } = look;
        self.ends.note(moment, ends);
        self.ends
            .advance(|ends| ends.iter().all(|(place, end)| done.get(place).is_some_and(|done| done >= end)));
        self.ends.is_at_end()
    }

    fn publish(&self, is_at_end: bool) -> GroupProgress {
        let mut known = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        *known = GroupProgress { served_through: known.served_through.max(self.ends.reached()), is_at_end };
        *known
    }
}

impl Look {
    fn take(consumer: &StreamConsumer<Membership>, partitions: &TopicPartitionList) -> KafkaResult<Self> {
        let ends = at(consumer, partitions, Offset::End)?;
        let mut done = offsets(&consumer.committed_offsets(partitions.clone(), LIMIT)?)?;
        if ends.iter().any(|(place, end)| done.get(place).is_none_or(|done| done < end)) {
            // What has passed its time is gone from the topic, and nobody waits for it.
            for (place, start) in at(consumer, partitions, Offset::Beginning)? {
                let done = done.entry(place).or_insert(start);
                *done = start.max(*done);
            }
        }
        consumer.context().reach.regained();
        Ok(Self { ends, done })
    }
}

fn at(
    consumer: &StreamConsumer<Membership>,
    partitions: &TopicPartitionList,
    place: Offset,
) -> KafkaResult<Offsets> {
    let mut asked = partitions.clone();
    asked.set_all_offsets(place)?;
    offsets(&consumer.offsets_for_times(asked, LIMIT)?)
}

/// The offsets that are there.
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
