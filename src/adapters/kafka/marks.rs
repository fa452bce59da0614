//! What the newest messages of a topic say of the books that they came from.

use std::time::{Duration, Instant};

use rdkafka::{
    Message as _, Offset, TopicPartitionList,
    config::RDKafkaLogLevel,
    consumer::{BaseConsumer, Consumer as _},
    error::{KafkaError, KafkaResult, RDKafkaErrorCode},
    message::{BorrowedMessage, Headers},
};

use super::{settings::KafkaSettings, topics::Asked};
use crate::{events::event::BOOKS_HEADER, kernel::books::LogMark};

/// The maximum time for all of it.
const LIMIT: Duration = Duration::from_secs(5);

/// The latest mark among the newest messages of the topic's partitions. A topic that is not there yet has none. Blocks
/// for [`LIMIT`] at most.
pub(super) fn last(settings: &KafkaSettings, topic: &str) -> KafkaResult<Option<LogMark>> {
    let until = Instant::now() + LIMIT;
    let left = || until.saturating_duration_since(Instant::now());
    let mut config = settings.client();
    // It neither joins the group nor commits; librdkafka wants a name.
    config.set("group.id", "wallet-marks").set("enable.auto.commit", "false");
    let consumer: BaseConsumer<Asked> =
        config.set_log_level(RDKafkaLogLevel::Emerg).create_with_context(Asked)?;
    let metadata = consumer.fetch_metadata(Some(topic), left())?;
    let mut newest = TopicPartitionList::new();
    for partition in metadata.topics().iter().flat_map(|found| found.partitions()) {
        let (first, end) = consumer.fetch_watermarks(topic, partition.id(), left())?;
        if end > first {
            newest.add_partition_offset(topic, partition.id(), Offset::Offset(end - 1))?;
        }
    }
    let mut missing = newest.count();
    consumer.assign(&newest)?;
    let mut last: Option<LogMark> = None;
    while missing > 0 {
        // Scoped: a consumer that is dropped while one of its messages is alive hangs for ever.
        let mark = match consumer.poll(left()) {
            Some(message) => mark(&message?),
            None => return Err(KafkaError::MessageConsumption(RDKafkaErrorCode::OperationTimedOut)),
        };
        missing -= 1;
        last = match (last, mark) {
            (Some(one), Some(other)) => Some(one.later(other)),
            (one, other) => one.or(other),
        };
    }
    Ok(last)
}

fn mark(message: &BorrowedMessage<'_>) -> Option<LogMark> {
    let header = message.headers()?.iter().find(|header| header.key == BOOKS_HEADER)?;
    std::str::from_utf8(header.value?).ok()?.parse().ok()
}
