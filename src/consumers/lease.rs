//! Keeps the cache's lease: chains what the books, the topic and the refresher have told into one moment.
//!
//! The watcher proves that everything booked by T is in the topic, and that is known from K on. The bus proves that the
//! refresher has served everything that lay in the topic at M. If K is not after M, the cache has everything that was
//! booked by T. Two ages are never added up, and no date of a row is used.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{
    cache::Freshness,
    events::{bus::EventBus, milestones::Milestones, topic_watcher::TopicWatcher},
};

/// Between two looks at the topic. Together with the bus's looks and the group's commits it has to stay well below the
/// lease of 2 s, also under full load.
const EVERY: Duration = Duration::from_millis(100);
/// So far behind counts the refresher, in milliseconds, while that is not known: a day.
const NOT_KNOWN: i64 = 86_400_000;

/// What the lease rests on.
pub struct Lease {
    pub topic: TopicWatcher,
    pub bus: Arc<dyn EventBus>,
    /// The refresher's group.
    pub group: String,
    pub freshness: Arc<Freshness>,
}

impl Lease {
    /// Keeps the lease until `stop`. Whatever fails here lets the lease end, and balances are read from Postgres.
    pub async fn keep(mut self, stop: CancellationToken) {
        self.freshness.refresher_is_behind(NOT_KNOWN);
        // The moments through which the topic was complete, each noted with the moment since when that is known.
        let mut complete: Milestones<Instant> = Milestones::default();
        let mut last = None;
        let mut was_valid = false;
        loop {
            let Some(looked) = stop.run_until_cancelled(self.topic.look()).await else { return };
            match looked {
                Ok(state) => {
                    if let Some(moment) = state.complete_through
                        && last.replace(moment) != Some(moment)
                    {
                        complete.note(moment, Instant::now());
                    }
                    self.freshness.topic_is_behind(millis(state.behind));
                    metrics::gauge!("wallet_topic_behind_seconds").set(state.behind.as_secs_f64());
                }
                // Nothing is booked while Postgres is away: the last figure stands, and the lease ends.
                Err(error) => tracing::debug!(%error, "how far the topic is behind is not known"),
            }
            let progress = self.bus.progress(&self.group);
            self.freshness.refresher_is_behind(millis(progress.behind()));
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
            if stop.run_until_cancelled(sleep(EVERY)).await.is_none() {
                return;
            }
        }
    }
}

/// Whole milliseconds, and a day at most.
fn millis(behind: Duration) -> i64 {
    i64::try_from(behind.as_millis()).map_or(NOT_KNOWN, |millis| millis.min(NOT_KNOWN))
}
