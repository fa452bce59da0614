//! One group's queue.

use std::sync::{Mutex, PoisonError};

use tokio::{
    sync::{Mutex as TurnTaking, mpsc},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use crate::events::bus::Message;

/// As many messages wait for a group; then publishing waits.
const ROOM: usize = 8_192;
/// The most that is handed over at once.
const BATCH_MAX: usize = 500;

/// A message that waits.
#[derive(Clone)]
pub(super) struct Waiting {
    pub(super) message: Message,
    /// Its number in the bus, which stands for Kafka's offset.
    pub(super) offset: i64,
    pub(super) since: Instant,
}

/// What members of a group share. They serve one at a time, so that a key's messages stay in order.
pub(super) struct Group {
    topics: Mutex<Vec<String>>,
    entrance: mpsc::Sender<Waiting>,
    /// The last member has left.
    pub(super) gone: CancellationToken,
    pub(super) queue: TurnTaking<Queue>,
}

/// The served end of the queue; whoever holds it is the member that serves.
pub(super) struct Queue {
    exit: mpsc::Receiver<Waiting>,
    /// Taken and not yet served. It stays here until it is, so that a member that stops midway leaves it to the next.
    pub(super) batch: Vec<Waiting>,
}

impl Group {
    pub(super) fn new() -> Self {
        let (entrance, exit) = mpsc::channel(ROOM);
        let queue = TurnTaking::new(Queue { exit, batch: Vec::new() });
        Self { topics: Mutex::default(), entrance, gone: CancellationToken::new(), queue }
    }

    /// Waits for room, as long as the group lives.
    pub(super) async fn send(&self, waiting: Waiting) {
        tokio::select! {
            _ = self.entrance.send(waiting) => {}
            () = self.gone.cancelled() => {}
        }
    }

    /// The group hears these topics too.
    pub(super) fn hear(&self, topics: &[String]) {
        let mut heard = self.topics.lock().unwrap_or_else(PoisonError::into_inner);
        for topic in topics {
            if !heard.contains(topic) {
                heard.push(topic.clone());
            }
        }
    }

    pub(super) fn hears(&self, topic: &str) -> bool {
        self.topics.lock().unwrap_or_else(PoisonError::into_inner).iter().any(|heard| heard == topic)
    }
}

impl Queue {
    /// Waits until there is something to serve.
    pub(super) async fn fill(&mut self) {
        if self.batch.is_empty() {
            self.exit.recv_many(&mut self.batch, BATCH_MAX).await;
        }
    }

    /// Nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.exit.is_empty() && self.batch.is_empty()
    }
}
