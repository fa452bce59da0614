//! Dead letters: messages that can never be served.

use crate::events::{
    bus::{Message, Poison},
    topics::dead_letter_topic,
};

/// The message as it is published to `<topic>.dlq`: the same key, value and headers to the byte, null where they were
/// null, with its topic, partition, offset and error as further headers.
pub(super) fn dead_letter(message: &Message, partition: i32, offset: i64, poison: &Poison) -> Message {
    let mut headers = message.headers.clone();
    headers.extend([
        ("dlq_topic".to_owned(), text(&message.topic)),
        ("dlq_partition".to_owned(), text(&partition.to_string())),
        ("dlq_offset".to_owned(), text(&offset.to_string())),
        ("dlq_error".to_owned(), text(&poison.0)),
    ]);
    Message {
        topic: dead_letter_topic(&message.topic),
        key: message.key.clone(),
        payload: message.payload.clone(),
        headers,
    }
}

fn text(value: &str) -> Option<Vec<u8>> {
    Some(value.as_bytes().to_vec())
}
