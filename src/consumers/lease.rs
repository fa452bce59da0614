//! Extends the cache's lease, from the progress of the topic and of the refresher.
//!
//! The watcher proves, at K, that all rows committed by T are in the topic. The bus proves that the refresher has served
//! all messages that were in the topic at M. If K is not after M, the cache has all rows committed by T. Ages are never
//! added up, and no time stored in a row is used.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{
    cache::{BalanceCache, CacheError, CacheMark, Freshness},
    db::DbError,
    events::{
        bus::EventBus,
        milestones::Milestones,
        topic_watcher::{TopicState, TopicWatcher},
    },
    kernel::books::Standing,
};

/// Interval between two checks of the topic. Together with the bus's sampling interval and the group's commit interval it
/// is well below the lease of 2 s, also under full load.
const CHECK_INTERVAL: Duration = Duration::from_millis(100);
/// Interval between two updates of the mark in a cache that outlives this process.
const MARK_INTERVAL: Duration = Duration::from_secs(1);
/// The reported lag of the refresher while it is not known, and the maximum: a day.
const UNKNOWN_LAG_MILLIS: i64 = 86_400_000;

/// Extends the lease of one cache.
pub struct Lease {
    pub topic: TopicWatcher,
    pub bus: Arc<dyn EventBus>,
    /// The refresher's group.
    pub group: String,
    pub freshness: Arc<Freshness>,
    pub cache: Arc<dyn BalanceCache>,
    pub history: History,
}

/// The history of the books that the cache is of.
#[derive(Default)]
pub struct History {
    last: Option<Standing>,
    /// When the cache's mark was last compared with the books.
    marked_at: Option<Instant>,
}

impl Lease {
    /// Extends the lease until `stop`. After any failure the lease ends, and balances are read from Postgres.
    pub async fn run(mut self, stop: CancellationToken) {
        self.freshness.set_refresher_behind(UNKNOWN_LAG_MILLIS);
        // The moments T through which the topic was complete, each with the moment K at which that was known.
        let mut complete: Milestones<Instant> = Milestones::default();
        let mut last = None;
        let mut was_valid = false;
        loop {
            let Some(checked) = stop.run_until_cancelled(self.check()).await else { return };
            match checked {
                Ok((state, is_one_history)) => {
                    if !is_one_history {
                        // Proofs about another history do not hold for this one.
                        (complete, last) = (Milestones::default(), None);
                    } else if let Some(moment) = state.complete_through
                        && last.replace(moment) != Some(moment)
                    {
                        complete.note(moment, Instant::now());
                    }
                    self.freshness.set_topic_behind(millis(state.behind));
                    metrics::gauge!("wallet_topic_behind_seconds").set(state.behind.as_secs_f64());
                }
                // No row is committed while Postgres is unavailable: the last lag is still right, and the lease ends.
                Err(error) => tracing::debug!(%error, "the topic's lag is not known"),
            }
            let progress = self.bus.progress(&self.group);
            self.freshness.set_refresher_behind(millis(progress.behind()));
            if let Some(served_through) = progress.served_through
                && let Some(moment) = complete.advance(|known_since| *known_since <= served_through)
            {
                self.freshness.extend(moment);
            }
            if let Some(age) = self.freshness.age() {
                metrics::gauge!("wallet_cache_lease_age_seconds").set(age.as_secs_f64());
            }
            let is_valid = self.freshness.cache_may_answer();
            if is_valid != std::mem::replace(&mut was_valid, is_valid) {
                if is_valid {
                    info!("the cache has caught up; balances are read from it again");
                } else {
                    warn!("the cache is behind the books; balances are read from Postgres");
                }
            }
            if stop.run_until_cancelled(sleep(CHECK_INTERVAL)).await.is_none() {
                return;
            }
        }
    }
}

impl Lease {
    /// The state of the topic, and whether books and cache are of one history, without which it does not extend the lease.
    async fn check(&mut self) -> Result<(TopicState, bool), DbError> {
        let is_due = self.history.marked_at.is_none_or(|at| at.elapsed() >= MARK_INTERVAL);
        // Read before the books, so that the rows that the mark counts were committed before.
        let known = if is_due || !self.cache.has_adopted() { Some(self.cache.mark().await) } else { None };
        let state = self.topic.look().await?;
        let standing = &state.standing;
        let continues = self.history.last.as_ref().is_some_and(|last| standing.continues(last));
        if !continues {
            if self.history.last.is_some() {
                warn!(
                    generation = standing.books.generation,
                    entries = standing.entries,
                    "the books were restored or replaced: what was cached of them is dropped"
                );
                self.topic.begin_again();
            }
            self.freshness.begin_history(standing.books.generation);
            (self.history.last, self.history.marked_at) = (Some(standing.clone()), None);
        }
        if let Some(known) = known {
            self.history.marked_at = adopt(self.cache.as_ref(), known, standing).await.then(Instant::now);
        }
        self.history.last = Some(standing.clone());
        let is_marked = self.history.marked_at.is_some() && self.cache.has_adopted();
        Ok((state, continues && is_marked))
    }
}

/// Whether the cache has adopted these books, with its views or, of another history, without them.
async fn adopt(
    cache: &dyn BalanceCache,
    known: Result<Option<CacheMark>, CacheError>,
    standing: &Standing,
) -> bool {
    let adopted = match known {
        Ok(known) => cache.adopt(known, standing, false).await,
        Err(error) => Err(error),
    };
    adopted
        .inspect_err(|error| tracing::debug!(%error, "the cache does not know which books it is of"))
        .is_ok()
}

/// Whole milliseconds, at most [`UNKNOWN_LAG_MILLIS`].
fn millis(behind: Duration) -> i64 {
    i64::try_from(behind.as_millis()).map_or(UNKNOWN_LAG_MILLIS, |millis| millis.min(UNKNOWN_LAG_MILLIS))
}
