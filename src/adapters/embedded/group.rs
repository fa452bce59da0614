//! One group's queue.

use std::sync::{
    Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use tokio::{
    sync::{Mutex as TurnTaking, mpsc},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use crate::events::bus::{GroupProgress, Message};

/// The maximum number of messages that wait for a group; then publishing waits.
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
    /// Messages that have entered and are not served yet.
    pending: AtomicU64,
    /// Everything that entered before this moment is served.
    served_through: Mutex<Option<Instant>>,
    /// The last member has left.
    pub(super) gone: CancellationToken,
    pub(super) queue: TurnTaking<Queue>,
}

/// The served end of the queue; its holder is the member that serves.
pub(super) struct Queue {
    exit: mpsc::Receiver<Waiting>,
    /// Taken and not yet served. It stays here until it is, so that a member that stops midway leaves it to the next.
    pub(super) batch: Vec<Waiting>,
}

impl Group {
    pub(super) fn new() -> Self {
        let (entrance, exit) = mpsc::channel(ROOM);
        let queue = TurnTaking::new(Queue { exit, batch: Vec::new() });
        Self {
            topics: Mutex::default(),
            entrance,
            pending: AtomicU64::new(0),
            served_through: Mutex::default(),
            gone: CancellationToken::new(),
            queue,
        }
    }

    /// Waits for room, as long as the group lives.
    pub(super) async fn send(&self, waiting: Waiting) {
        tokio::select! {
            place = self.entrance.reserve() => if let Ok(place) = place {
                // Counted before it is in: a publisher that has returned has been counted.
                self.pending.fetch_add(1, Ordering::SeqCst);
                place.send(waiting);
            },
            () = self.gone.cancelled() => {}
        }
    }

    /// These messages are about to be served; those before them are. A message that entered later than the first of
    /// them was still on its way at that one's moment.
    pub(super) fn begins(&self, batch: &[Waiting]) {
        if let Some(first) = batch.first() {
            let mut known = self.served_through();
            *known = known.max(Some(first.since));
        }
    }

    /// Counts messages as served.
    pub(super) fn served(&self, count: usize) {
        self.pending.fetch_sub(count as u64, Ordering::SeqCst);
    }

    /// How far the group has come. Nothing pending: it has everything of this moment.
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
}
