//! The relay: from a log of the ledger to a topic, in order, nothing left out.
//!
//! One relay serves a log at a time, over all processes; the others stand by. It publishes what lies beyond its cursor
//! and moves the cursor after the bus has confirmed. Positions are handed out before commits, so it waits at a gate:
//! it notes the last position handed out, then who may still commit one up to there, waits until those have gone, and
//! only then reads. A wallet's entries get version and position under its row lock, so they come in version order.

use std::{sync::Arc, time::Duration};

use thiserror::Error;
use tokio::{sync::Notify, time::sleep};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{
    bus::{EventBus, PublishError},
    event::Event,
    store,
};
use crate::{
    db::{Connection, DbError, in_time},
    kernel::fail_point::fail_point,
    ledger::log::{self, Log, LogReader, LogRow},
};

/// How often the relay looks by itself, for what other processes wrote.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// How often a relay that stands by tries to lead.
const STAND_BY: Duration = Duration::from_millis(500);
/// How long the relay pauses after a failure.
const BACK_OFF: Duration = Duration::from_millis(1_000);
/// At most so many rows are on their way to the bus: bounded memory, and a bounded repeat after a failure.
const IN_FLIGHT: usize = 2_000;
/// A round with at least so many rows means a crowd …
const CROWD: usize = 16;
/// … and then more gather for so long before the next round: fewer and larger requests cost the broker, the refresher
/// and Redis far less for each row, and a lone entry still goes out at once.
const GATHER: Duration = Duration::from_millis(20);
/// How long a relay that is told to stop goes on publishing what is in the books.
const LAST_WORDS: Duration = Duration::from_millis(3_000);

/// A log, the topic that it goes to, and the bus.
pub struct Relay {
    pub database_url: String,
    pub log: Log,
    pub topic: String,
    pub bus: Arc<dyn EventBus>,
    /// Told by the posting loop of this process after each commit.
    pub committed: Arc<Notify>,
}

/// Why the relay had to begin again.
#[derive(Debug, Error)]
enum Interrupted {
    #[error(transparent)]
    Db(#[from] DbError),
    #[error(transparent)]
    Publish(#[from] PublishError),
    #[error("an event cannot be written: {0}")]
    Event(#[from] serde_json::Error),
}

impl Relay {
    /// Relays until `stop`, come what may; then publishes what is in the books, for a moment at most.
    pub async fn run(self, stop: CancellationToken) {
        let cut_off = async {
            stop.cancelled().await;
            sleep(LAST_WORDS).await;
        };
        tokio::select! {
            () = self.keep_relaying(&stop) => {}
            // Whatever is not published by now, the next relay finds beyond the cursor.
            () = cut_off => {}
        }
    }

    async fn keep_relaying(&self, stop: &CancellationToken) {
        let mut is_troubled = false;
        while !stop.is_cancelled() {
            match self.lead(stop, &mut is_troubled).await {
                Ok(()) => return,
                Err(reason) => {
                    if !std::mem::replace(&mut is_troubled, true) {
                        warn!(log = self.log.name(), %reason, "the relay stopped and begins again at the first row not confirmed");
                    }
                    metrics::counter!("wallet_relay_interruptions_total", "log" => self.log.name())
                        .increment(1);
                    tokio::select! {
                        () = sleep(BACK_OFF) => {}
                        () = stop.cancelled() => {}
                    }
                }
            }
        }
    }

    /// Stands by, then leads until something fails or the relay is told to stop.
    async fn lead(&self, stop: &CancellationToken, is_troubled: &mut bool) -> Result<(), Interrupted> {
        let mut conn = in_time(store::connect(&self.database_url)).await?;
        let mut cursor = if self.bus.is_durable() {
            while !in_time(store::try_lead(&mut conn, self.log)).await? {
                tokio::select! {
                    () = sleep(STAND_BY) => {}
                    () = stop.cancelled() => return Ok(()),
                }
            }
            info!(log = self.log.name(), topic = self.topic, "this process relays");
            in_time(store::cursor(&mut conn, self.log)).await?
        } else {
            // Nothing outlives this process on such a bus, so it begins with the present, in every process.
            in_time(log::last_position(&mut conn, self.log)).await?
        };
        let mut reader = LogReader::default();
        loop {
            let last_time = stop.is_cancelled();
            self.catch_up(&mut conn, &mut reader, &mut cursor, is_troubled).await?;
            if last_time {
                return Ok(());
            }
            tokio::select! {
                () = self.committed.notified() => {}
                () = sleep(LOOK_AGAIN) => {}
                () = stop.cancelled() => {}
            }
        }
    }

    /// Publishes everything that lies beyond the cursor now.
    async fn catch_up(
        &self,
        conn: &mut Connection,
        reader: &mut LogReader,
        cursor: &mut i64,
        is_troubled: &mut bool,
    ) -> Result<(), Interrupted> {
        loop {
            let high = in_time(log::last_position(conn, self.log)).await?;
            if high <= *cursor {
                return Ok(());
            }
            let is_crowd = usize::try_from(high - *cursor).is_ok_and(|rows| rows >= CROWD);
            let age = metrics::gauge!("wallet_relay_gate_age_seconds", "log" => self.log.name());
            log::gate(conn, |waited| age.set(waited.as_secs_f64())).await?;
            age.set(0.0);
            fail_point("relay.gated");
            while *cursor < high {
                let rows = in_time(reader.read(conn, self.log, *cursor, high, IN_FLIGHT)).await?;
                fail_point("relay.read");
                // Beyond the last row of the last page lie only positions that were given back by a rollback.
                let is_last = rows.len() < IN_FLIGHT;
                let reached = if is_last { high } else { rows.last().map_or(high, LogRow::position) };
                self.publish(conn, &rows, reached, cursor, is_troubled).await?;
            }
            if is_crowd {
                sleep(GATHER).await;
            }
        }
    }

    /// Publishes rows, which are all that the log has up to `reached`, and moves the cursor as far as the bus confirms.
    async fn publish(
        &self,
        conn: &mut Connection,
        rows: &[LogRow],
        reached: i64,
        cursor: &mut i64,
        is_troubled: &mut bool,
    ) -> Result<(), Interrupted> {
        let events = rows.iter().map(|row| Event::of(row, &self.topic)).collect::<Result<Vec<_>, _>>()?;
        let published = self.bus.publish(&events).await;
        fail_point("relay.published");
        let confirmed = published.as_ref().map_or_else(|error| error.confirmed, |()| events.len());
        let reached = match confirmed.checked_sub(1).and_then(|last| rows.get(last)) {
            _ if published.is_ok() => reached,
            Some(row) => row.position(),
            None => *cursor,
        };
        if reached > *cursor && self.bus.is_durable() {
            in_time(store::move_cursor(conn, self.log, reached)).await?;
            fail_point("relay.cursor_moved");
        }
        *cursor = reached.max(*cursor);
        metrics::counter!("wallet_relay_events_total", "log" => self.log.name())
            .increment(u64::try_from(confirmed).unwrap_or_default());
        published?;
        if std::mem::take(is_troubled) {
            info!(log = self.log.name(), "the relay publishes again");
        }
        Ok(())
    }
}
