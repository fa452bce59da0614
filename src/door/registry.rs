//! The open connections.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio_util::sync::CancellationToken;

use super::{Closing, activity::Activity};

/// A connection as the door knows it.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) activity: Arc<Activity>,
    /// [`Closing::closed`], for this connection: it checks its tokens each time that it wakes, and one token for all
    /// connections would be a contended lock.
    pub(super) closed: CancellationToken,
    /// Ends the connection in favour of a newer one, or with all others ([`Closing::abandoned`]).
    pub(super) ended: CancellationToken,
}

impl Known {
    pub(super) fn new(closing: &Closing) -> Self {
        Self {
            activity: Arc::new(Activity::new()),
            closed: closing.closed.child_token(),
            ended: closing.abandoned.child_token(),
        }
    }
}

#[derive(Debug, Default)]
struct Connections {
    next: u64,
    all: HashMap<u64, Known>,
}

/// Every connection of a door.
#[derive(Clone, Debug, Default)]
pub(super) struct Registry(Arc<Mutex<Connections>>);

impl Registry {
    fn lock(&self) -> MutexGuard<'_, Connections> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a connection until the place is dropped.
    pub(super) fn add(&self, known: Known) -> Place {
        let mut connections = self.lock();
        let number = connections.next;
        connections.next += 1;
        connections.all.insert(number, known);
        Place { registry: self.clone(), number }
    }

    /// The number of connections.
    pub(super) fn len(&self) -> usize {
        self.lock().all.len()
    }

    /// Ends the connection that has waited for its peer the longest; returns whether there was one.
    pub(super) fn evict(&self) -> bool {
        let connections = self.lock();
        let spare = connections
            .all
            .values()
            .filter(|known| known.activity.phase().is_spare() && !known.ended.is_cancelled());
        let longest = spare.min_by_key(|known| known.activity.since());
        longest.inspect(|known| known.ended.cancel()).is_some()
    }
}

/// A connection's place in the registry.
#[derive(Debug)]
pub(super) struct Place {
    registry: Registry,
    number: u64,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.registry.lock().all.remove(&self.number);
    }
}
