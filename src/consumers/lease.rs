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
    cache::{BalanceCache, CacheError, CacheMark, Freshness},
    db::DbError,
    events::{
        bus::EventBus,
        milestones::Milestones,
        topic_watcher::{TopicState, TopicWatcher},
    },
    kernel::books::Standing,
};

/// Between two looks at the topic. Together with the bus's looks and the group's commits it has to stay well below the
/// lease of 2 s, also under full load.
const EVERY: Duration = Duration::from_millis(100);
/// Between two notes of where the books stand, in a cache that outlives this process.
const MARK_INTERVAL: Duration = Duration::from_secs(1);
/// So far behind counts the refresher, in milliseconds, while that is not known: a day.
const NOT_KNOWN: i64 = 86_400_000;

/// What the lease rests on.
pub struct Lease {
    pub topic: TopicWatcher,
    pub bus: Arc<dyn EventBus>,
    /// The refresher's group.
    pub group: String,
    pub freshness: Arc<Freshness>,
    pub cache: Arc<dyn BalanceCache>,
    pub history: History,
}

/// Which history of the books the cache is held to.
#[derive(Default)]
pub struct History {
    last: Option<Standing>,
    /// When the cache's mark was last compared with the books.
    marked_at: Option<Instant>,
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
            let Some(looked) = stop.run_until_cancelled(self.look()).await else { return };
            match looked {
                Ok((state, is_one_history)) => {
                    if !is_one_history {
                        // Nothing that was proved of another history holds for this one.
                        (complete, last) = (Milestones::default(), None);
                    } else if let Some(moment) = state.complete_through
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

impl Lease {
    /// Looks at the topic. Also: whether books and cache are of one history, so that the lease may rest on the look.
    async fn look(&mut self) -> Result<(TopicState, bool), DbError> {
        let is_due = self.history.marked_at.is_none_or(|at| at.elapsed() >= MARK_INTERVAL);
        // Asked before the books: what the mark says was committed before their answer.
        let known = if is_due || !self.cache.has_adopted() { Some(self.cache.mark().await) } else { None };
        let state = self.topic.look().await?;
        let standing = &state.standing;
        let continues = self.history.last.as_ref().is_some_and(|last| standing.continues(last));
        if !continues {
            if self.history.last.is_some() {
                warn!(
                    generation = standing.books.generation,
                    entries = standing.entries,
                    "the books do not continue what they were: what was remembered of them is forgotten"
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

/// Whether the cache goes on with these books now, be it that it begins anew.
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

/// Whole milliseconds, and a day at most.
fn millis(behind: Duration) -> i64 {
    i64::try_from(behind.as_millis()).map_or(NOT_KNOWN, |millis| millis.min(NOT_KNOWN))
}
