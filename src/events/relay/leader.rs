//! The relay that leads: reads behind the barrier, publishes, moves the cursor.

use std::{pin::pin, time::Duration};

use tokio::time::{Instant, sleep, timeout};
use tracing::info;

use super::{
    interrupted::Interrupted,
    parts::{Progress, Relay},
};
use crate::{
    db::{Connection, with_connection_timeout},
    events::{bus::PublishError, event::Event},
    fail_point::fail_point,
    kernel::books::{BooksId, LogMark},
    ledger::log::{self, Follower, LogRow, Reader},
};

/// The maximum number of rows on their way to the bus: bounded memory, and a bounded repeat after a failure.
const IN_FLIGHT: usize = 2_000;
/// A round of at least this number of rows is a busy one …
const BUSY_THRESHOLD: i64 = 16;
/// … and more rows gather for this long before the next round: fewer and larger requests cost the broker, the
/// refresher and Redis far less for each row, and a lone entry still goes out at once.
const LINGER: Duration = Duration::from_millis(20);
/// Between two signs of life to Postgres while the bus is waited for; well below [`log::IDLE_LIMIT`].
const PING_INTERVAL: Duration = Duration::from_secs(3);

pub(super) struct Leader<'r> {
    pub(super) relay: &'r Relay,
    pub(super) conn: Connection,
    pub(super) reader: Reader,
    /// The books that are relayed.
    books: BooksId,
    /// Everything up to here is confirmed.
    cursor: i64,
    pub(super) progress: &'r mut Progress,
    /// When the holes were looked at last.
    pub(super) looked_at_holes: Instant,
}

impl<'r> Leader<'r> {
    pub(super) fn new(
        relay: &'r Relay,
        conn: Connection,
        start: LogMark,
        progress: &'r mut Progress,
    ) -> Self {
        let LogMark { books, position: cursor } = start;
        relay.position.set(cursor);
        let reader = Reader::new(relay.log);
        Self { relay, conn, reader, books, cursor, progress, looked_at_holes: Instant::now() }
    }

    /// Publishes everything that lies beyond the cursor now.
    pub(super) async fn catch_up(&mut self) -> Result<(), Interrupted> {
        let log = self.relay.log;
        loop {
            self.look_at_holes().await?;
            let LogMark { books, position: high } =
                with_connection_timeout(log::standing(&mut self.conn, log)).await?;
            if books != self.books {
                return Err(Interrupted::NewGeneration(books.generation));
            }
            if high <= self.cursor {
                return Ok(());
            }
            let is_busy = high - self.cursor >= BUSY_THRESHOLD;
            let age = metrics::gauge!("wallet_relay_gate_age_seconds", "log" => log.name());
            log::barrier(&mut self.conn, |waited| age.set(waited.as_secs_f64())).await?;
            age.set(0.0);
            fail_point("relay.gated");
            while self.cursor < high {
                let read = self.reader.read(&mut self.conn, self.cursor, high, IN_FLIGHT);
                let rows = with_connection_timeout(read).await?;
                fail_point("relay.read");
                // Beyond the last row of the last page lie only positions that a rollback gave back.
                let is_last = rows.len() < IN_FLIGHT;
                let reached = if is_last { high } else { rows.last().map_or(high, LogRow::position) };
                self.publish(&rows, reached).await?;
            }
            if is_busy {
                sleep(LINGER).await;
            }
        }
    }

    /// Publishes rows, which are all that the log has up to `reached`, and moves the cursor as far as the bus confirms.
    async fn publish(&mut self, rows: &[LogRow], reached: i64) -> Result<(), Interrupted> {
        let events = self.events(rows)?;
        let published = self.deliver(&events).await?;
        fail_point("relay.published");
        let confirmed = published.as_ref().map_or_else(|error| error.confirmed, |()| events.len());
        let reached = match confirmed.checked_sub(1).and_then(|last| rows.get(last)) {
            _ if published.is_ok() => reached,
            Some(row) => row.position(),
            None => self.cursor,
        };
        if reached > self.cursor {
            self.remember_holes(&rows[..confirmed], self.cursor, reached).await?;
            if self.relay.bus.is_durable() {
                with_connection_timeout(Follower::relay(self.relay.log).advance(&mut self.conn, reached))
                    .await?;
                fail_point("relay.cursor_moved");
            }
            self.cursor = reached;
            self.relay.position.set(reached);
        }
        metrics::counter!("wallet_relay_events_total", "log" => self.relay.log.name())
            .increment(u64::try_from(confirmed).unwrap_or_default());
        published?;
        if std::mem::take(&mut self.progress.is_troubled) {
            info!(log = self.relay.log.name(), "the relay publishes again");
        }
        Ok(())
    }

    pub(super) fn events(&self, rows: &[LogRow]) -> Result<Vec<Event>, serde_json::Error> {
        rows.iter().map(|row| Event::of(row, &self.relay.topic, self.books)).collect()
    }

    /// Hands events to the bus and waits for its answer for as long as that takes, with signs of life to Postgres: a
    /// session without them ends, and with it the lead.
    pub(super) async fn deliver(
        &mut self,
        events: &[Event],
    ) -> Result<Result<(), PublishError>, Interrupted> {
        let relay = self.relay;
        let mut publishing = pin!(relay.bus.publish(events));
        loop {
            match timeout(PING_INTERVAL, publishing.as_mut()).await {
                Ok(published) => return Ok(published),
                Err(_) => with_connection_timeout(log::sign_of_life(&mut self.conn)).await?,
            }
        }
    }
}
