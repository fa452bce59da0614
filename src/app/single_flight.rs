//! Questions that cost something and that many ask at once: one is under way at a time, and everybody gets its answer.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::Mutex,
    time::{Instant, timeout},
};

/// How long an answer may take. Whatever hangs, a report that asks several at once is there within 2.5 s.
const TIMEOUT: Duration = Duration::from_millis(2_200);
/// How long an answer is given again.
const REMEMBERED: Duration = Duration::from_secs(1);

/// One question, asked once at a time for the whole process. Clones ask together.
#[derive(Clone)]
pub struct SingleFlight<T> {
    /// The last answer, and when it was there. The lock is held while the next one is on its way.
    last: Arc<Mutex<Option<Answered<T>>>>,
    timeout: Duration,
    remembered: Duration,
}

#[derive(Clone)]
struct Answered<T> {
    at: Instant,
    /// None: there was none in time.
    answer: Option<T>,
}

impl<T> Default for SingleFlight<T> {
    fn default() -> Self {
        Self { last: Arc::default(), timeout: TIMEOUT, remembered: REMEMBERED }
    }
}

impl<T: Clone + Send + 'static> SingleFlight<T> {
    /// The answer, at most a second old. None: there was none in time.
    pub async fn ask(&self, question: impl Future<Output = T> + Send + 'static) -> Option<T> {
        let Self { last, timeout: limit, remembered } = self.clone();
        // A task of its own: a client that hangs up would leave the question half asked, and the next one would ask anew.
        let answer = tokio::spawn(async move {
            let mut last = last.lock().await;
            if let Some(Answered { answer, .. }) = last.as_ref().filter(|last| last.at.elapsed() < remembered)
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
    async fn a_crowd_asks_once_and_somebody_later_asks_again() {
        let flight = SingleFlight { remembered: Duration::from_millis(50), ..SingleFlight::default() };
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
    async fn a_question_without_an_answer_ends_for_everybody_who_waits() {
        let flight = SingleFlight { timeout: Duration::from_millis(50), ..SingleFlight::<()>::default() };
        let since = Instant::now();
        let answers = join_all((0..100).map(|_| flight.ask(std::future::pending()))).await;
        assert!(answers.iter().all(Option::is_none));
        // One after another they would take 5 s.
        assert!(since.elapsed() < Duration::from_secs(1), "{:?}", since.elapsed());
    }

    #[tokio::test]
    async fn a_caller_that_hangs_up_does_not_take_the_answer_along() {
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
    async fn a_question_that_panics_is_no_answer_and_is_asked_again() {
        let flight = SingleFlight::default();
        assert_eq!(flight.ask(async { panic!("asked too much") }).await, None::<u32>);
        assert_eq!(flight.ask(async { 2 }).await, Some(2));
    }
}
