//! Reads a whole topic for an audit: partitions are assigned directly, so that no group is joined and no offset is
//! committed.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use rdkafka::{
    Message as _, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer as _},
    error::{KafkaError, KafkaResult, RDKafkaErrorCode},
};
use tokio::sync::mpsc;

use super::{batch::message_of, settings::KafkaSettings, topics::QuietContext};
use crate::events::{
    bus::BusError,
    topic_reader::{OpenTopic, PartitionRange, StoredMessage, TopicReader},
};

/// Timeout of each request to the broker, and the maximum wait for the next message.
const BROKER_TIMEOUT: Duration = Duration::from_secs(30);
/// Timeout of one poll.
const POLL_TIMEOUT: Duration = Duration::from_millis(100);
/// Maximum number of messages that are handed over at once.
const CHUNK_MESSAGES_MAX: usize = 1_000;
/// Maximum number of chunks that wait for the reader.
const CHUNKS_AHEAD_MAX: usize = 4;

type Chunk = Result<Vec<StoredMessage>, BusError>;

/// Reads topics from these brokers.
pub struct KafkaTopicReader {
    settings: KafkaSettings,
    /// librdkafka requires a name; the group is never joined.
    group: String,
}

impl KafkaTopicReader {
    /// A reader. Touches no network.
    #[must_use]
    pub fn new(settings: KafkaSettings, group: String) -> Self {
        Self { settings, group }
    }

    fn consumer(&self) -> KafkaResult<BaseConsumer<QuietContext>> {
        let mut config = self.settings.client();
        config
            .set("group.id", &self.group)
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            // If retention removes the beginning while it is read, reading continues with the oldest message.
            .set("auto.offset.reset", "earliest")
            // The last offsets of a compacted topic have no message.
            .set("enable.partition.eof", "true")
            .set("queued.max.messages.kbytes", "16384")
            .set("fetch.queue.backoff.ms", "5");
        config.create_with_context(QuietContext)
    }
}

#[async_trait]
impl TopicReader for KafkaTopicReader {
    async fn open(&self, topic: &str) -> Result<Box<dyn OpenTopic>, BusError> {
        let consumer = self.consumer().map_err(|error| BusError(error.to_string()))?;
        let name = topic.to_owned();
        let (opened, is_open) = tokio::sync::oneshot::channel();
        let (sender, chunks) = mpsc::channel(CHUNKS_AHEAD_MAX);
        // A thread of its own, as the runtime must not wait for it at shutdown: librdkafka blocks, also while it closes.
        std::thread::spawn(move || match ranges(&consumer, &name) {
            Ok(ranges) => {
                if opened.send(Ok(ranges.clone())).is_ok() {
                    read(&consumer, &name, &ranges, &sender);
                }
            }
            Err(error) => drop(opened.send(Err(BusError(format!("{name}: {error}"))))),
        });
        let ranges = is_open.await.map_err(|error| BusError(error.to_string()))??;
        Ok(Box::new(Reading { ranges, chunks }))
    }
}

struct Reading {
    ranges: Vec<PartitionRange>,
    chunks: mpsc::Receiver<Chunk>,
}

#[async_trait]
impl OpenTopic for Reading {
    fn partitions(&self) -> &[PartitionRange] {
        &self.ranges
    }

    async fn next(&mut self) -> Result<Vec<StoredMessage>, BusError> {
        self.chunks.recv().await.unwrap_or_else(|| Ok(Vec::new()))
    }
}

fn ranges(consumer: &BaseConsumer<QuietContext>, topic: &str) -> KafkaResult<Vec<PartitionRange>> {
    let metadata = consumer.fetch_metadata(Some(topic), BROKER_TIMEOUT)?;
    let mut ranges = Vec::new();
    for found in metadata.topics() {
        match found.error().map(RDKafkaErrorCode::from) {
            None => {}
            Some(RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic) => continue,
            Some(code) => return Err(KafkaError::MetadataFetch(code)),
        }
        for partition in found.partitions() {
            let (begin, end) = consumer.fetch_watermarks(topic, partition.id(), BROKER_TIMEOUT)?;
            ranges.push(PartitionRange { partition: partition.id(), begin, end });
        }
    }
    Ok(ranges)
}

/// Sends the whole topic through the channel, which is closed at the topic's end.
fn read(
    consumer: &BaseConsumer<QuietContext>,
    topic: &str,
    ranges: &[PartitionRange],
    chunks: &mpsc::Sender<Chunk>,
) {
    let mut chunk = Vec::with_capacity(CHUNK_MESSAGES_MAX);
    let outcome = read_into(consumer, topic, ranges, &mut |message| {
        chunk.push(message);
        chunk.len() < CHUNK_MESSAGES_MAX
            || chunks
                .blocking_send(Ok(std::mem::replace(&mut chunk, Vec::with_capacity(CHUNK_MESSAGES_MAX))))
                .is_ok()
    });
    if let Err(error) = outcome {
        // The reader may have been dropped.
        let _ = chunks.blocking_send(Err(BusError(format!("{topic}: {error}"))));
    } else if !chunk.is_empty() {
        let _ = chunks.blocking_send(Ok(chunk));
    }
}

/// Passes every message up to the ends to `take`, until that returns false.
fn read_into(
    consumer: &BaseConsumer<QuietContext>,
    topic: &str,
    ranges: &[PartitionRange],
    take: &mut dyn FnMut(StoredMessage) -> bool,
) -> KafkaResult<()> {
    let mut unread: HashMap<i32, i64> = HashMap::new();
    let mut assigned = TopicPartitionList::new();
    for range in ranges.iter().filter(|range| range.begin < range.end) {
        assigned.add_partition_offset(topic, range.partition, Offset::Offset(range.begin))?;
        unread.insert(range.partition, range.end);
    }
    consumer.assign(&assigned)?;
    let mut last = Instant::now();
    while !unread.is_empty() {
        match consumer.poll(POLL_TIMEOUT) {
            Some(Ok(message)) => {
                last = Instant::now();
                let (partition, offset) = (message.partition(), message.offset());
                let Some(end) = unread.get(&partition).copied() else { continue };
                let is_within = offset < end;
                if offset + 1 >= end {
                    unread.remove(&partition);
                    let mut done = TopicPartitionList::new();
                    done.add_partition(topic, partition);
                    consumer.pause(&done)?;
                }
                if is_within && !take(StoredMessage { partition, offset, message: message_of(&message) }) {
                    return Ok(());
                }
            }
            Some(Err(KafkaError::PartitionEOF(partition))) => drop(unread.remove(&partition)),
            Some(Err(error)) if !is_transient(&error) => return Err(error),
            _ if last.elapsed() > BROKER_TIMEOUT => {
                return Err(KafkaError::MessageConsumption(RDKafkaErrorCode::OperationTimedOut));
            }
            _ => {}
        }
    }
    Ok(())
}

/// librdkafka retries by itself: a broker is unavailable, a leader has just changed.
fn is_transient(error: &KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(
            RDKafkaErrorCode::AllBrokersDown
                | RDKafkaErrorCode::BrokerTransportFailure
                | RDKafkaErrorCode::OperationTimedOut
                | RDKafkaErrorCode::Resolve
                | RDKafkaErrorCode::NotLeaderForPartition
                | RDKafkaErrorCode::LeaderNotAvailable
                | RDKafkaErrorCode::RequestTimedOut
        )
    )
}
