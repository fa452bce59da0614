//! The port for reading a whole topic: from its beginning to where it ended when the reading began. It joins no group
//! and commits nothing.

use async_trait::async_trait;

use super::bus::{BusError, Message};

/// A partition and the offsets that it had when the reading began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartitionRange {
    pub partition: i32,
    /// The first offset that is still there; above 0 when retention has removed the beginning.
    pub begin: i64,
    /// The offset after the last message.
    pub end: i64,
}

/// A message and the place where it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredMessage {
    pub partition: i32,
    pub offset: i64,
    pub message: Message,
}

/// Reads whole topics.
#[async_trait]
pub trait TopicReader: Send + Sync {
    /// Notes where the topic's partitions begin and end. A topic that does not exist has no partition.
    async fn open(&self, topic: &str) -> Result<Box<dyn OpenTopic>, BusError>;
}

/// A topic that is being read.
#[async_trait]
pub trait OpenTopic: Send {
    /// Every partition, as it was when the topic was opened.
    fn partitions(&self) -> &[PartitionRange];

    /// The next messages, those of each partition in the order of their offsets. An empty list is the end.
    async fn next(&mut self) -> Result<Vec<StoredMessage>, BusError>;
}
