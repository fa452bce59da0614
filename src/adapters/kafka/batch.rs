//! Messages that were taken together, with their partitions and offsets.

use std::{
    collections::HashMap,
    panic::{AssertUnwindSafe, catch_unwind},
};

use rdkafka::{
    Message as _,
    message::{BorrowedMessage, Headers},
};

use super::dead_letters::DeadLetters;
use crate::{
    adapters::dead_letter::dead_letter,
    events::bus::{Consumer, Message},
};

/// Messages in the order in which they arrived.
#[derive(Default)]
pub(super) struct Batch {
    messages: Vec<Message>,
    /// Partition and offset of each.
    offsets: Vec<(i32, i64)>,
}

impl Batch {
    pub(super) fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.messages.len()
    }

    pub(super) fn push(&mut self, message: &BorrowedMessage<'_>) {
        self.offsets.push((message.partition(), message.offset()));
        self.messages.push(message_of(message));
    }

    /// Passes the messages to the consumer, and publishes those that it cannot serve as dead letters.
    pub(super) async fn serve(&self, consumer: &dyn Consumer, dead_letters: &DeadLetters) {
        let mut unserved = Vec::new();
        for (index, poison) in consumer.consume(&self.messages).await {
            let (Some(message), Some(&(partition, offset))) =
                (self.messages.get(index), self.offsets.get(index))
            else {
                continue;
            };
            tracing::error!(topic = message.topic, partition, offset, %poison, "a message cannot be served");
            metrics::counter!("wallet_bus_dead_letters_total", "topic" => message.topic.clone()).increment(1);
            unserved.push(dead_letter(message, partition, offset, &poison));
        }
        // Stable: groups the messages by topic and leaves the order within each.
        unserved.sort_by(|a, b| a.topic.cmp(&b.topic));
        dead_letters.send_to_dlq(&unserved).await;
    }

    /// For each partition, the offset after the last message.
    pub(super) fn ends(&self) -> HashMap<(&str, i32), i64> {
        let mut ends = HashMap::new();
        for (message, &(partition, offset)) in self.messages.iter().zip(&self.offsets) {
            ends.insert((message.topic.as_str(), partition), offset + 1);
        }
        ends
    }
}

/// Copies a message.
pub(super) fn message_of(message: &BorrowedMessage<'_>) -> Message {
    Message {
        topic: message.topic().to_owned(),
        key: message.key().map(<[u8]>::to_vec),
        payload: message.payload().map(<[u8]>::to_vec),
        headers: headers(message),
    }
}

/// Copies the headers. The client panics at a header whose name is not UTF-8: without this, one such message
/// stops every reader of its topic. Such a header is left out.
fn headers(message: &BorrowedMessage<'_>) -> Vec<(String, Option<Vec<u8>>)> {
    let Some(headers) = message.headers() else { return Vec::new() };
    let copy = |index| {
        let header = headers.get(index);
        (header.key.to_owned(), header.value.map(<[u8]>::to_vec))
    };
    let copied = |index| catch_unwind(AssertUnwindSafe(|| copy(index))).ok();
    (0..headers.count()).filter_map(copied).collect()
}
