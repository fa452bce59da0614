//! Apache Kafka: the bus that survives this process and reaches others.
//!
//! Publishing: one idempotent producer for each topic, without a timeout, and after any failure a new one that begins at
//! the first event that was not confirmed. Consuming: a group whose offsets are stored only after the work is done. Both
//! wait for an unavailable broker and retry.

mod batch;
mod broker_status;
mod bus;
mod consumer_context;
mod dead_letters;
mod delivery_tracker;
mod group_consumer;
mod lag;
mod marks;
mod partitions;
mod producers;
mod settings;
mod topic_producer;
mod topics;
mod whole_topic;

pub use bus::KafkaBus;
pub use settings::{KafkaSettings, SESSION_TIMEOUT};
pub use whole_topic::KafkaTopicReader;
