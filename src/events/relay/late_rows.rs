//! The second look at what the relay passed without finding a row, and what happens when one turns up.

use std::time::Duration;

use tokio::time::Instant;
use tracing::error;

use super::{interrupted::Interrupted, leader::Leader};
use crate::{
    db::with_connection_timeout,
    ledger::log::{self, LogRow, Range},
};

/// Between two looks at the holes.
const SECOND_LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// The maximum number of rows of one hole that are published at once.
const LATE_MAX: usize = 2_000;

impl Leader<'_> {
    /// Remembers the positions beyond `after` and up to `reached` that none of these rows has.
    pub(super) async fn remember_holes(
        &mut self,
        rows: &[LogRow],
        after: i64,
        reached: i64,
    ) -> Result<(), Interrupted> {
        let missing = log::missing(rows, after, reached);
        if missing.is_empty() {
            return Ok(());
        }
        let running = with_connection_timeout(log::running(&mut self.conn)).await?;
        self.progress.holes.remember(missing, &running, Instant::now());
        self.count_holes();
        Ok(())
    }

    /// Looks at the holes again, at most every [`SECOND_LOOK_INTERVAL`], and publishes what has turned up in them.
    pub(super) async fn look_at_holes(&mut self) -> Result<(), Interrupted> {
        if self.progress.holes.is_empty() || self.looked_at_holes.elapsed() < SECOND_LOOK_INTERVAL {
            return Ok(());
        }
        self.looked_at_holes = Instant::now();
        // Asked for before the look: what has ended by now is visible to it.
        let running = with_connection_timeout(log::running(&mut self.conn)).await?;
        let ranges = self.progress.holes.ranges();
        for range in with_connection_timeout(log::filled(&mut self.conn, self.relay.log, &ranges)).await? {
            self.publish_late(range).await?;
        }
        self.progress.holes.forget_settled(&running, Instant::now());
        self.count_holes();
        Ok(())
    }

    async fn publish_late(&mut self, Range { first, last }: Range) -> Result<(), Interrupted> {
        let log = self.relay.log;
        let read = self.reader.read(&mut self.conn, first - 1, last, LATE_MAX);
        let rows = with_connection_timeout(read).await?;
        let events = self.events(&rows)?;
        self.deliver(&events).await??;
        for row in &rows {
            self.progress.holes.fill(row.position());
            error!(
                log = log.name(),
                position = row.position(),
                "a row was committed behind the relay's cursor and is published late"
            );
        }
        let count = u64::try_from(rows.len()).unwrap_or(u64::MAX);
        self.relay.state.add_late_rows(count);
        metrics::counter!("wallet_relay_late_rows_total", "log" => log.name()).increment(count);
        Ok(())
    }

    fn count_holes(&self) {
        #[allow(clippy::cast_precision_loss)] // at most a thousand
        metrics::gauge!("wallet_relay_holes", "log" => self.relay.log.name())
            .set(self.progress.holes.len() as f64);
    }
}
