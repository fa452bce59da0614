//! Up to which moment the topic has everything that was booked.
//!
//! A statement that begins after a moment sees every row that was committed by then. The watcher remembers where both
//! logs ended in such a statement; once the relays' cursors have passed these ends, everything that was booked by that
//! moment is in the topic. A batch that had not committed by then was not booked by then. Under constant load a row is
//! always beyond the cursor, and the ends noted a moment ago are passed all the same.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;

use super::{
    milestones::Milestones,
    store::{self, Positions},
};
use crate::{
    db::{Connection, DbError, with_pool_timeout},
    kernel::books::Standing,
    ledger::log::Log,
};

/// Up to which position the relay of one log in this process has published; shared by the relay and the watcher. Where
/// the bus ends with the process there is no cursor in Postgres, and this takes its place.
#[derive(Debug)]
pub struct RelayPosition(AtomicI64);

impl Default for RelayPosition {
    /// A relay that has not begun yet.
    fn default() -> Self {
        Self(AtomicI64::new(-1))
    }
}

impl RelayPosition {
    /// The bus has confirmed every row up to this position.
    pub fn set(&self, position: i64) {
        self.0.store(position, Ordering::Release);
    }

    fn get(&self) -> i64 {
        self.0.load(Ordering::Acquire)
    }
}

/// The positions of the relays in this process.
#[derive(Clone, Debug, Default)]
pub struct RelayPositions {
    pub entries: Arc<RelayPosition>,
    pub status_changes: Arc<RelayPosition>,
}

impl RelayPositions {
    /// That of one log's relay.
    #[must_use]
    pub fn of(&self, log: Log) -> Arc<RelayPosition> {
        Arc::clone(match log {
            Log::Entries => &self.entries,
            Log::StatusChanges => &self.status_changes,
        })
    }

    fn both(&self) -> Positions {
        Positions { entries: self.entries.get(), status_changes: self.status_changes.get() }
    }
}

/// How far the topic is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicState {
    /// How far the books had come when they were asked.
    pub standing: Standing,
    /// Everything that was booked by this moment is in the topic; none: not known.
    pub complete_through: Option<Instant>,
    /// How far the topic is behind the books, for people: zero when it has everything. Before anything is known, the
    /// age of the oldest row that waits, by its date.
    pub behind: Duration,
}

/// Asks Postgres how far the topic is, on a connection of its own: what waits for the pool must not make the cache
/// look stale, because a stale cache sends more readers to the pool.
pub struct TopicWatcher {
    database_url: String,
    /// None: the relays' cursors are in Postgres.
    relayed: Option<RelayPositions>,
    /// With the line of Postgres' history that it belongs to.
    connection: Option<(Connection, String)>,
    ends: Milestones<Positions>,
    first_look: Option<Instant>,
}

impl TopicWatcher {
    /// A watcher of a durable topic, whose cursors are in Postgres.
    #[must_use]
    pub fn new(database_url: String) -> Self {
        Self { database_url, relayed: None, connection: None, ends: Milestones::default(), first_look: None }
    }

    /// A watcher of a topic inside this process.
    #[must_use]
    pub fn of_this_process(database_url: String, relayed: RelayPositions) -> Self {
        Self { relayed: Some(relayed), ..Self::new(database_url) }
    }

    /// Asks once. Without an answer nothing new is known, and the next call connects again.
    pub async fn look(&mut self) -> Result<TopicState, DbError> {
        // Dropped midway, a question leaves its connection in an unknown state: it is put back after the answer.
        let (mut connection, lineage) = match self.connection.take() {
            Some(connected) => connected,
            None => with_pool_timeout(self.connect()).await?,
        };
        let state = with_pool_timeout(self.ask(&mut connection, &lineage)).await?;
        self.connection = Some((connection, lineage));
        Ok(state)
    }

    /// Forgets what was noted of the logs: they are not the ones any more that it was noted of.
    pub fn begin_again(&mut self) {
        self.ends = Milestones::default();
        self.first_look = None;
    }

    async fn connect(&self) -> Result<(Connection, String), DbError> {
        let mut connection = store::connect_watcher(&self.database_url).await?;
        let lineage = store::lineage(&mut connection).await?;
        Ok((connection, lineage))
    }

    async fn ask(&mut self, connection: &mut Connection, lineage: &str) -> Result<TopicState, DbError> {
        let moment = Instant::now();
        let store::Ends { books, end, cursor } = store::ends(connection).await?;
        let cursor = self.relayed.as_ref().map_or(cursor, RelayPositions::both);
        self.ends.note(moment, end);
        let complete_through = self.ends.advance(|end| cursor.are_beyond(*end));
        let first_look = *self.first_look.get_or_insert(moment);
        let behind = match complete_through {
            _ if self.ends.is_at_end() => Duration::ZERO,
            Some(reached) => moment - reached,
            None => (moment - first_look).max(store::oldest_waiting(connection).await?),
        };
        let Positions { entries, status_changes } = end;
        let standing = Standing { books, lineage: lineage.to_owned(), entries, status_changes };
        Ok(TopicState { standing, complete_through, behind })
    }
}
