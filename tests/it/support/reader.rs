//! Reads balances while money moves, and checks that they lag by 5 s at most.

use std::time::{Duration, Instant};

use tokio::{task::JoinHandle, time::sleep};
use tokio_util::sync::CancellationToken;

use super::{
    customer::Customer,
    load::{Customers, Load, Versions},
};

/// The maximum lag of a balance behind a write.
const LAG_MAX: Duration = Duration::from_secs(5);

/// A client that reads one balance after another, at one server.
pub struct Reader {
    stop: CancellationToken,
    task: JoinHandle<Seen>,
}

/// The results.
#[derive(Debug, Default)]
pub struct Seen {
    pub shown: usize,
    /// Answers that were 503.
    pub unavailable: usize,
    /// The longest lag behind an answered write.
    pub worst_lag: Duration,
    /// The longest time of an answer.
    pub slowest: Duration,
}

impl Reader {
    /// Reads the balances of the load's customers at this server.
    pub fn start(load: &Load, base: &str) -> Self {
        let stop = CancellationToken::new();
        let at = |(customer, heard): &(Customer, Versions)| (customer.at(base), Versions::clone(heard));
        let customers = load.customers.iter().map(at).collect();
        let task = tokio::spawn(read(customers, stop.clone()));
        Self { stop, task }
    }

    pub async fn stop(self) -> Seen {
        self.stop.cancel();
        self.task.await.expect("every balance was right")
    }
}

async fn read(customers: Customers, stop: CancellationToken) -> Seen {
    let mut seen = Seen::default();
    for (customer, heard) in customers.iter().cycle() {
        if stop.is_cancelled() {
            break;
        }
        let at = Instant::now();
        let answer = customer.get("/wallet").await;
        seen.slowest = seen.slowest.max(at.elapsed());
        match answer.status {
            200 => {
                seen.shown += 1;
                let version = answer.version.expect("a version");
                let heard = heard.lock().unwrap().clone();
                let missing = heard.iter().filter(|(_, newer)| *newer > version);
                let since = missing.map(|(since, _)| *since).min().unwrap_or(at);
                let lag = at.saturating_duration_since(since);
                assert!(lag < LAG_MAX, "version {version} was shown {lag:?} after a newer one was answered");
                seen.worst_lag = seen.worst_lag.max(lag);
            }
            503 => seen.unavailable += 1,
            _ => panic!("no such answer was expected: {answer:?}"),
        }
        sleep(Duration::from_millis(20)).await;
    }
    seen
}
