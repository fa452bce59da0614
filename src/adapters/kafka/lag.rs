//! How far a whole group is behind its topics, seen from outside: where the topics ended at some moments, and up to
//! where the group has committed. So it is known too when partitions wait for the end of a crashed member's session,
//! when another process does the work, or when nothing comes because nothing can.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Weak},
    time::Duration,
};

use rdkafka::{
    Offset, TopicPartitionList,
    consumer::{Consumer as _, StreamConsumer},
    error::{KafkaError, KafkaResult, RDKafkaErrorCode},
};
use tokio::time::Instant;

use super::membership::Membership;
use crate::events::bus::{Consumer, Subscription};

/// Between two looks.
const EVERY: Duration = Duration::from_millis(300);
/// How long the list of a topic's partitions holds.
const LIST_HOLDS: Duration = Duration::from_secs(30);
/// How long each question to the broker may take.
const LIMIT: Duration = Duration::from_secs(1);
/// As many moments as are remembered; further ones only make the estimate finer.
const MOMENTS: usize = 240;

type Offsets = HashMap<(String, i32), i64>;

/// Watches one group.
pub(super) struct Lag {
    subscription: Subscription,
    consumer: Weak<StreamConsumer<Membership>>,
    /// The topics' partitions, and when they were listed.
    partitions: Option<(Instant, TopicPartitionList)>,
    /// Where the topics ended, at moments that the group has not reached yet.
    ahead: VecDeque<(Instant, Offsets)>,
    /// The latest moment that the group is known to have reached.
    reached: Option<Instant>,
}

/// One look at the broker.
struct Look {
    ends: Offsets,
    /// Up to where the group is done; where it never committed, where the partition begins.
    done: Offsets,
}

impl Lag {
    pub(super) fn new(subscription: &Subscription, consumer: Weak<StreamConsumer<Membership>>) -> Self {
        let subscription = subscription.clone();
        Self { subscription, consumer, partitions: None, ahead: VecDeque::new(), reached: None }
    }

    /// Tells the consumer, for as long as the group's member lives.
    pub(super) async fn watch(mut self, consumer: &dyn Consumer) {
        loop {
            let Some(member) = self.consumer.upgrade() else { return };
            let moment = Instant::now();
            let behind = match self.look(member).await {
                Ok(look) => self.after(moment, &look),
                Err(error) => {
                    tracing::debug!(group = self.subscription.group, %error, "how far the group is behind is not known");
                    self.partitions = None;
                    self.unknown()
                }
            };
            metrics::gauge!("wallet_bus_behind_seconds", "group" => self.subscription.group.clone())
                .set(behind.min(Duration::from_secs(86_400)).as_secs_f64());
            consumer.is_behind(behind);
            tokio::time::sleep(EVERY).await;
        }
    }

    /// Asks the broker, on a thread that may block.
    async fn look(&mut self, member: Arc<StreamConsumer<Membership>>) -> KafkaResult<Look> {
        let known = self.partitions.take_if(|(listed, _)| listed.elapsed() < LIST_HOLDS);
        let topics = self.subscription.topics.clone();
        let asked = tokio::task::spawn_blocking(move || {
            let listed = known.map_or_else(|| Ok((Instant::now(), partitions(&member, &topics)?)), Ok);
            listed.and_then(|listed| Look::take(&member, &listed.1).map(|look| (look, listed)))
        });
        let (look, listed) = asked.await.map_err(|_| KafkaError::Canceled)??;
        self.partitions = Some(listed);
        Ok(look)
    }

    fn after(&mut self, moment: Instant, look: &Look) -> Duration {
        if self.ahead.len() < MOMENTS {
            self.ahead.push_back((moment, look.ends.clone()));
        }
        while let Some((moment, ends)) = self.ahead.front()
            && look.has_reached(ends)
        {
            self.reached = Some(*moment);
            self.ahead.pop_front();
        }
        if self.ahead.is_empty() { Duration::ZERO } else { self.unknown() }
    }

    /// The group is at most so far behind: it had everything when it was last seen to.
    fn unknown(&self) -> Duration {
        self.reached.map_or(Duration::MAX, |reached| reached.elapsed())
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

    fn has_reached(&self, ends: &Offsets) -> bool {
        ends.iter().all(|(place, end)| self.done.get(place).is_some_and(|done| done >= end))
    }
}

fn partitions(consumer: &StreamConsumer<Membership>, topics: &[String]) -> KafkaResult<TopicPartitionList> {
    let mut list = TopicPartitionList::new();
    for topic in topics {
        let metadata = consumer.fetch_metadata(Some(topic), LIMIT)?;
        let found: Vec<i32> = metadata
            .topics()
            .iter()
            .flat_map(|topic| topic.partitions())
            .map(|partition| partition.id())
            .collect();
        if found.is_empty() {
            return Err(KafkaError::MetadataFetch(RDKafkaErrorCode::UnknownTopicOrPartition));
        }
        for partition in found {
            list.add_partition(topic, partition);
        }
    }
    Ok(list)
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
