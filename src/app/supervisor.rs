//! Runs background tasks, and restarts those that panic or end too early, after a delay. Without it a dead relay would not
//! be noticed: it looks like an idle one.

use std::{
    any::Any,
    collections::BTreeSet,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::FutureExt;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

/// The delays before restarts.
#[derive(Clone, Copy, Debug)]
struct Backoff {
    /// The delay before the first restart; it doubles with each restart …
    first: Duration,
    /// … up to this.
    longest: Duration,
    /// After a run of this length a task begins with the first delay again.
    stable_after: Duration,
}

const BACKOFF: Backoff = Backoff {
    first: Duration::from_millis(500),
    longest: Duration::from_secs(30),
    stable_after: Duration::from_secs(60),
};

/// Runs tasks until `stop`, and restarts those that end before.
pub struct Supervisor {
    stop: CancellationToken,
    tasks: JoinSet<()>,
    dead: DeadTasks,
    backoff: Backoff,
}

/// The tasks that have died and were not restarted yet. Clones share the set.
#[derive(Clone, Debug, Default)]
pub struct DeadTasks(Arc<Mutex<BTreeSet<&'static str>>>);

impl Supervisor {
    /// A supervisor without tasks. Its tasks end after `stop`.
    #[must_use]
    pub fn new(stop: CancellationToken, dead: DeadTasks) -> Self {
        Self { stop, tasks: JoinSet::new(), dead, backoff: BACKOFF }
    }

    /// Runs a task that ends only after `stop`; `start` makes it for each attempt.
    pub fn run<F>(
        &mut self,
        task: &'static str,
        start: impl Fn(CancellationToken) -> F + Send + Sync + 'static,
    ) where
        F: Future<Output = ()> + Send + 'static,
    {
        self.supervise(task, false, start);
    }

    /// Runs a task that ends when its work is done, or after `stop`.
    pub fn run_once<F>(
        &mut self,
        task: &'static str,
        start: impl Fn(CancellationToken) -> F + Send + Sync + 'static,
    ) where
        F: Future<Output = ()> + Send + 'static,
    {
        self.supervise(task, true, start);
    }

    fn supervise<F>(
        &mut self,
        task: &'static str,
        may_end: bool,
        start: impl Fn(CancellationToken) -> F + Send + Sync + 'static,
    ) where
        F: Future<Output = ()> + Send + 'static,
    {
        let (stop, dead, backoff) = (self.stop.clone(), self.dead.clone(), self.backoff);
        self.tasks.spawn(Supervised { task, may_end, stop, dead, backoff }.run(start));
    }

    /// Waits for the end of all tasks; `stop` must be cancelled.
    pub async fn join(self) {
        self.tasks.join_all().await;
    }
}

impl DeadTasks {
    /// Their names.
    #[must_use]
    pub fn names(&self) -> Vec<&'static str> {
        self.lock().iter().copied().collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<&'static str>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Supervised {
    task: &'static str,
    may_end: bool,
    stop: CancellationToken,
    dead: DeadTasks,
    backoff: Backoff,
}

impl Supervised {
    async fn run<F: Future<Output = ()>>(self, start: impl Fn(CancellationToken) -> F) {
        let Self { task, may_end, stop, dead, backoff } = self;
        let mut delay = backoff.first;
        loop {
            let since = Instant::now();
            let attempt = async { start(stop.clone()).await };
            let reason = match AssertUnwindSafe(attempt).catch_unwind().await {
                Ok(()) if may_end || stop.is_cancelled() => return,
                Ok(()) => "it ended",
                Err(ref panic) => message(panic.as_ref()),
            }
            .to_owned();
            if since.elapsed() >= backoff.stable_after {
                delay = backoff.first;
            }
            dead.lock().insert(task);
            metrics::counter!("wallet_task_restarts_total", "task" => task).increment(1);
            error!(task, reason, "a background task died; it is started again in {} ms", delay.as_millis());
            if stop.run_until_cancelled(sleep(delay)).await.is_none() {
                return;
            }
            dead.lock().remove(task);
            info!(task, "a background task is started again");
            delay = (delay * 2).min(backoff.longest);
        }
    }
}

/// The message of a panic.
fn message(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("it panicked")
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    /// A task that does this at its n-th start.
    fn counting<F: Future<Output = ()> + Send + 'static>(
        starts: &Arc<AtomicU32>,
        task: fn(u32, CancellationToken) -> F,
    ) -> impl Fn(CancellationToken) -> F + Send + Sync + 'static {
        let starts = Arc::clone(starts);
        move |stop| task(starts.fetch_add(1, Ordering::Relaxed), stop)
    }

    fn supervisor(stop: &CancellationToken, longest: Duration) -> Supervisor {
        let backoff =
            Backoff { first: Duration::from_millis(20), longest, stable_after: Duration::from_secs(60) };
        Supervisor { backoff, ..Supervisor::new(stop.clone(), DeadTasks::default()) }
    }

    async fn until(holds: impl Fn() -> bool) {
        let limit = Instant::now() + Duration::from_secs(20);
        while !holds() {
            assert!(Instant::now() < limit, "waited in vain");
            sleep(Duration::from_millis(1)).await;
        }
    }

    #[tokio::test]
    async fn a_task_that_panics_or_ends_too_early_is_started_again_and_stops_when_asked() {
        let stop = CancellationToken::new();
        let mut supervisor = supervisor(&stop, Duration::from_secs(1));
        let (starts, ended) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
        let task = |start, stop: CancellationToken| async move {
            match start {
                0 => panic!("a text"),
                1 => panic!("a number: {start}"),
                2 => {}
                _ => stop.cancelled().await,
            }
        };
        supervisor.run("odd", counting(&starts, task));
        supervisor.run_once("short", counting(&ended, |_, _| async {}));
        let dead = supervisor.dead.clone();
        until(|| dead.names() == ["odd"]).await;
        until(|| starts.load(Ordering::Relaxed) == 4 && dead.names().is_empty()).await;
        stop.cancel();
        supervisor.join().await;
        assert_eq!((starts.load(Ordering::Relaxed), ended.load(Ordering::Relaxed)), (4, 1));
    }

    #[tokio::test]
    async fn a_task_that_dies_at_once_is_started_less_and_less_often_and_stopping_does_not_wait_for_it() {
        let stop = CancellationToken::new();
        let mut supervisor = supervisor(&stop, Duration::from_secs(3_600));
        let starts = Arc::new(AtomicU32::new(0));
        let since = Instant::now();
        supervisor.run("broken", counting(&starts, |_, _| async { panic!("always") }));
        until(|| starts.load(Ordering::Relaxed) == 4).await;
        assert!(since.elapsed() >= Duration::from_millis(20 + 40 + 80), "{:?}", since.elapsed());
        let dead = supervisor.dead.clone();
        until(|| dead.names() == ["broken"]).await;
        stop.cancel();
        supervisor.join().await;
    }

    #[tokio::test]
    async fn a_task_that_panics_while_it_stops_is_not_started_again() {
        let (stop, starts) = (CancellationToken::new(), Arc::new(AtomicU32::new(0)));
        let mut supervisor = supervisor(&stop, Duration::from_secs(1));
        let task = |_, stop: CancellationToken| async move {
            stop.cancelled().await;
            panic!("too late");
        };
        supervisor.run("late", counting(&starts, task));
        until(|| starts.load(Ordering::Relaxed) == 1).await;
        stop.cancel();
        supervisor.join().await;
        assert_eq!(starts.load(Ordering::Relaxed), 1);
    }
}
