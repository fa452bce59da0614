//! What a relay is made of, and what it carries from one beginning to the next.

use std::sync::Arc;

use tokio::{sync::Notify, time::Instant};

use super::state::RelayState;
use crate::{
    events::{bus::EventBus, topic_watcher::RelayPosition},
    ledger::log::{Holes, Log},
};

/// A log, the topic that it goes to, and the bus.
pub struct Relay {
    pub database_url: String,
    pub log: Log,
    pub topic: String,
    pub bus: Arc<dyn EventBus>,
    /// Notified by the posting loop of this process after each commit.
    pub committed: Arc<Notify>,
    /// Up to which position this relay has published.
    pub position: Arc<RelayPosition>,
    /// What `/health` shows of the relays.
    pub state: Arc<RelayState>,
    /// Publishes beside messages of other books, which a topic in development may hold from a database that was dropped.
    pub allows_other_books: bool,
}

/// What a relay carries over when it begins again.
#[derive(Default)]
pub(super) struct Progress {
    pub(super) holes: Holes,
    /// The last interruption was logged, and nothing was published since.
    pub(super) is_troubled: bool,
    /// When an operator was last asked to decide between two histories.
    pub(super) asked_at: Option<Instant>,
}
