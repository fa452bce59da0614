//! Runs one query at a time for any number of callers, who all get its result.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::Mutex,
    time::{Instant, timeout},
};

/// Timeout of a query. A report that runs several at once is complete within 2.5 s.
const QUERY_TIMEOUT: Duration = Duration::from_millis(2_200);
/// How long a result is reused.
const RESULT_TTL: Duration = Duration::from_secs(1);

/// One query, run once at a time for the whole process. Clones share it.
#[derive(Clone)]
pub struct SingleFlight<T> {
    /// The last result and its time. The lock is held while the query runs.
    last: Arc<Mutex<Option<Answered<T>>>>,
    timeout: Duration,
    result_ttl: Duration,
}

#[derive(Clone)]
struct Answered<T> {
    at: Instant,
    /// None: the query timed out.
    answer: Option<T>,
}

impl<T> Default for SingleFlight<T> {
    fn default() -> Self {
        Self { last: Arc::default(), timeout: QUERY_TIMEOUT, result_ttl: RESULT_TTL }
    }
}

impl<T: Clone + Send + 'static> SingleFlight<T> {
    /// The result, at most [`RESULT_TTL`] old. None: the query timed out.
    pub async fn ask(&self, question: impl Future<Output = T> + Send + 'static) -> Option<T> {
        let Self { last, timeout: limit, result_ttl } = self.clone();
        // A task of its own, so that the query goes on if the caller is dropped.
        let answer = tokio::spawn(async move {
            let mut last = last.lock().await;
            if let Some(Answered { answer, .. }) = last.as_ref().filter(|last| last.at.elapsed() < result_ttl)
            {
                return answer.clone();
            }
            let answer = timeout(limit, question).await.ok();
            *last = Some(Answered { at: Instant::now(), answer: answer.clone() });
            answer
        });
        answer.await.ok().flatten()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use futures_util::future::join_all;
    use tokio::{sync::Notify, time::sleep};

    use super::*;

    #[tokio::test]
    async fn concurrent_callers_run_one_query_and_a_later_caller_another() {
        let flight = SingleFlight { result_ttl: Duration::from_millis(50), ..SingleFlight::default() };
        let asked = Arc::new(AtomicU32::new(0));
        let question = || {
            let asked = Arc::clone(&asked);
            async move {
                let number = asked.fetch_add(1, Ordering::Relaxed);
                sleep(Duration::from_millis(20)).await;
                number
            }
        };
        let answers = join_all((0..100).map(|_| flight.ask(question()))).await;
        assert!(answers.iter().all(|answer| *answer == Some(0)), "{answers:?}");
        sleep(Duration::from_millis(60)).await;
        assert_eq!(flight.ask(question()).await, Some(1));
    }

    #[tokio::test]
    async fn a_query_that_hangs_times_out_for_all_callers() {
        let flight = SingleFlight { timeout: Duration::from_millis(50), ..SingleFlight::<()>::default() };
        let since = Instant::now();
        let answers = join_all((0..100).map(|_| flight.ask(std::future::pending()))).await;
        assert!(answers.iter().all(Option::is_none));
        // One after another they would take 5 s.
        assert!(since.elapsed() < Duration::from_secs(1), "{:?}", since.elapsed());
    }

    #[tokio::test]
    async fn a_caller_that_is_dropped_does_not_end_the_query() {
        let flight = SingleFlight::default();
        let goes_on = Arc::new(Notify::new());
        let question = {
            let goes_on = Arc::clone(&goes_on);
            async move {
                goes_on.notified().await;
                1
            }
        };
        assert!(timeout(Duration::from_millis(20), flight.ask(question)).await.is_err());
        goes_on.notify_one();
        assert_eq!(flight.ask(async { 2 }).await, Some(1));
    }

    #[tokio::test]
    async fn a_query_that_panics_has_no_result_and_is_run_again() {
        let flight = SingleFlight::default();
        assert_eq!(flight.ask(async { panic!("the query failed") }).await, None::<u32>);
        assert_eq!(flight.ask(async { 2 }).await, Some(2));
    }
}
