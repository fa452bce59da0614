//! Apache Kafka: the bus that survives this process and reaches others.
//!
//! Publishing: one idempotent producer for each topic, no time limit of its own, and after any trouble a new one that
//! begins again at the first event that was not confirmed. Serving: a consumer group whose offsets are stored only
//! after the work is done. A broker that is away is waited for, on both sides.

mod batch;
mod bus;
mod dead_letters;
mod lag;
mod line;
mod marks;
mod member;
mod membership;
mod partitions;
mod producers;
mod reach;
mod settings;
mod tally;
mod topics;
mod whole_topic;

pub use bus::KafkaBus;
pub use settings::{KafkaSettings, SESSION_TIMEOUT};
pub use whole_topic::KafkaTopicReader;
