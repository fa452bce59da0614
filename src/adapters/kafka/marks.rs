//! Reads from the newest messages of a topic which rows of the books they are of.

use std::time::{Duration, Instant};

use rdkafka::{
    Message as _, Offset, TopicPartitionList,
    config::RDKafkaLogLevel,
    consumer::{BaseConsumer, Consumer as _},
    error::{KafkaError, KafkaResult, RDKafkaErrorCode},
    message::{BorrowedMessage, Headers},
};

use super::{settings::KafkaSettings, topics::QuietContext};
use crate::events::event::RowMark;

/// Timeout for all requests of one read.
const READ_TIMEOUT: Duration = Duration::from_secs(5);

/// Which rows the newest messages of the topic's partitions are of. A topic that does not exist yet has none. Blocks for
/// [`READ_TIMEOUT`] at most.
pub(super) fn newest(settings: &KafkaSettings, topic: &str) -> KafkaResult<Vec<RowMark>> {
    let until = Instant::now() + READ_TIMEOUT;
    let left = || until.saturating_duration_since(Instant::now());
    let mut config = settings.client();
    // It neither joins the group nor commits; librdkafka requires a name.
    config.set("group.id", "wallet-marks").set("enable.auto.commit", "false");
    let consumer: BaseConsumer<QuietContext> =
        config.set_log_level(RDKafkaLogLevel::Emerg).create_with_context(QuietContext)?;
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
    let mut marks = Vec::new();
    while missing > 0 {
        // Scoped: a consumer that is dropped while one of its messages is alive hangs for ever.
        match consumer.poll(left()) {
            Some(message) => marks.extend(mark(&message?)),
            None => return Err(KafkaError::MessageConsumption(RDKafkaErrorCode::OperationTimedOut)),
        }
        missing -= 1;
    }
    Ok(marks)
}

fn mark(message: &BorrowedMessage<'_>) -> Option<RowMark> {
    let headers = message.headers()?;
    RowMark::read(|name| {
        let header = headers.iter().find(|header| header.key == name)?;
        std::str::from_utf8(header.value?).ok()
    })
}
