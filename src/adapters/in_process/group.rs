//! One group's queue.

use std::sync::{
    Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use tokio::{
    sync::{self, mpsc},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use crate::events::bus::{GroupProgress, Message};

/// Maximum number of messages that wait for a group; then publishing waits.
const QUEUE_MESSAGES_MAX: usize = 8_192;
/// Maximum number of messages in a batch.
const BATCH_MAX: usize = 500;

/// A message that waits.
#[derive(Clone)]
pub(super) struct Waiting {
    pub(super) message: Message,
    /// Its number in the bus, in place of Kafka's offset.
    pub(super) offset: i64,
    pub(super) since: Instant,
}

/// The state that the members of a group share. They serve one at a time, so that a key's messages stay in order.
pub(super) struct Group {
    topics: Mutex<Vec<String>>,
    sender: mpsc::Sender<Waiting>,
    /// The number of messages that are queued and not served yet.
    pending: AtomicU64,
    /// All messages that were queued before this moment are served.
    served_through: Mutex<Option<Instant>>,
    /// Cancelled when the last member has left.
    pub(super) closed: CancellationToken,
    pub(super) queue: sync::Mutex<Queue>,
}

/// The receiving end of the queue; the member that holds its lock serves.
pub(super) struct Queue {
    receiver: mpsc::Receiver<Waiting>,
    /// Taken and not yet served. It stays here until it is, so that the next member continues with it if this one stops.
    pub(super) batch: Vec<Waiting>,
}

impl Group {
    pub(super) fn new() -> Self {
        let (sender, receiver) = mpsc::channel(QUEUE_MESSAGES_MAX);
        let queue = sync::Mutex::new(Queue { receiver, batch: Vec::new() });
        Self {
            topics: Mutex::default(),
            sender,
            pending: AtomicU64::new(0),
            served_through: Mutex::default(),
            closed: CancellationToken::new(),
            queue,
        }
    }

    /// Queues a message; waits for room until the group is closed.
    pub(super) async fn send(&self, waiting: Waiting) {
        tokio::select! {
            permit = self.sender.reserve() => if let Ok(permit) = permit {
                // Counted before it is queued, so that a message whose publisher has returned is counted.
                self.pending.fetch_add(1, Ordering::SeqCst);
                permit.send(waiting);
            },
            () = self.closed.cancelled() => {}
        }
    }

    /// Notes that this batch is about to be served, and so that all messages queued before its first one are served.
    pub(super) fn begin(&self, batch: &[Waiting]) {
        if let Some(first) = batch.first() {
            let mut known = self.served_through();
            *known = known.max(Some(first.since));
        }
    }

    /// Counts messages as served.
    pub(super) fn served(&self, count: usize) {
        self.pending.fetch_sub(count as u64, Ordering::SeqCst);
    }

    /// The group's progress. Without a pending message, all messages up to this moment are served.
    pub(super) fn progress(&self) -> GroupProgress {
        let now = Instant::now();
        let is_at_end = self.pending.load(Ordering::SeqCst) == 0;
        let mut known = self.served_through();
        if is_at_end {
            *known = known.max(Some(now));
        }
        GroupProgress { served_through: *known, is_at_end }
    }

    fn served_through(&self) -> MutexGuard<'_, Option<Instant>> {
        self.served_through.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds topics to the group's subscription.
    pub(super) fn subscribe(&self, topics: &[String]) {
        let mut subscribed = self.topics.lock().unwrap_or_else(PoisonError::into_inner);
        for topic in topics {
            if !subscribed.contains(topic) {
                subscribed.push(topic.clone());
            }
        }
    }

    pub(super) fn is_subscribed_to(&self, topic: &str) -> bool {
        self.topics
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .any(|subscribed| subscribed == topic)
    }
}

impl Queue {
    /// Waits until there is a batch to serve.
    pub(super) async fn fill(&mut self) {
        if self.batch.is_empty() {
            self.receiver.recv_many(&mut self.batch, BATCH_MAX).await;
        }
    }
}
