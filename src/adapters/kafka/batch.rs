//! Messages that were taken together, with the places where they lay.

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

/// Messages in the order in which they came.
#[derive(Default)]
pub(super) struct Batch {
    messages: Vec<Message>,
    /// Partition and offset of each.
    places: Vec<(i32, i64)>,
}

impl Batch {
    pub(super) fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.messages.len()
    }

    pub(super) fn push(&mut self, message: &BorrowedMessage<'_>) {
        self.places.push((message.partition(), message.offset()));
        self.messages.push(message_of(message));
    }

    /// Has the messages served, and those that cannot be served put aside.
    pub(super) async fn serve(&self, consumer: &dyn Consumer, dead_letters: &DeadLetters) {
        let mut letters = Vec::new();
        for (index, poison) in consumer.consume(&self.messages).await {
            let (Some(message), Some(&(partition, offset))) =
                (self.messages.get(index), self.places.get(index))
            else {
                continue;
            };
            tracing::error!(topic = message.topic, partition, offset, %poison, "a message cannot be served");
            metrics::counter!("wallet_bus_dead_letters_total", "topic" => message.topic.clone()).increment(1);
            letters.push(dead_letter(message, partition, offset, &poison));
        }
        // In their order within each topic, and each topic's together.
        letters.sort_by(|a, b| a.topic.cmp(&b.topic));
        dead_letters.publish(&letters).await;
    }

    /// For each partition, the offset after the last message.
    pub(super) fn ends(&self) -> HashMap<(&str, i32), i64> {
        let mut ends = HashMap::new();
        for (message, &(partition, offset)) in self.messages.iter().zip(&self.places) {
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
