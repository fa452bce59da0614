//! Counting delivery reports. One batch is under way at a time, so two numbers are enough: how many reports are still
//! to come, and the lowest index that failed.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

use rdkafka::{
    ClientContext, Statistics,
    config::RDKafkaLogLevel,
    error::KafkaError,
    producer::{DeliveryResult, ProducerContext},
};
use tokio::sync::Notify;

use super::reach::{self, Reach};
use crate::kernel::fail_point::fail_point;

/// How the batch under way stands.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pending: AtomicUsize,
    /// The lowest index that failed, and the reason that came first: the others were purged because of it.
    failure: Mutex<Option<(usize, String)>>,
    changed: Notify,
}

impl Tally {
    /// A batch of this number of messages begins. The one before has had all its reports.
    pub(super) fn begin(&self, count: usize) {
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.pending.store(count, Ordering::Release);
    }

    /// These many messages of the batch are not sent at all.
    pub(super) fn forgo(&self, count: usize) {
        self.pending.fetch_sub(count, Ordering::AcqRel);
    }

    /// How many reports are still to come.
    pub(super) fn pending(&self) -> usize {
        self.pending.load(Ordering::Acquire)
    }

    /// The lowest index that failed, and why.
    pub(super) fn failure(&self) -> Option<(usize, String)> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits for the last report, or for the first failure.
    pub(super) async fn settled(&self) -> Result<(), String> {
        loop {
            // Read first: a failure is noted before its message ceases to be pending.
            let pending = self.pending();
            if let Some((_, reason)) = self.failure() {
                return Err(reason);
            }
            if pending == 0 {
                return Ok(());
            }
            self.changed.notified().await;
        }
    }

    fn delivered(&self) {
        if self.pending.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.changed.notify_one();
        }
    }

    fn failed(&self, index: usize, error: &KafkaError) {
        {
            let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
            match failure.as_mut() {
                Some((lowest, _)) => *lowest = index.min(*lowest),
                None => *failure = Some((index, error.to_string())),
            }
        }
        self.pending.fetch_sub(1, Ordering::AcqRel);
        self.changed.notify_one();
    }
}

/// What a producer tells us.
pub(super) struct Reports {
    pub(super) topic: String,
    pub(super) tally: Arc<Tally>,
    pub(super) reach: Arc<Reach>,
}

impl ProducerContext for Reports {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, index: usize) {
        match result {
            Ok(_) => {
                self.reach.regained();
                self.tally.delivered();
                fail_point("relay.one_confirmed");
            }
            Err((error, _)) => self.tally.failed(index, error),
        }
    }
}

impl ClientContext for Reports {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        reach::log(&self.reach, level, facility, line);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        reach::client_error(&self.reach, &error, reason);
    }

    fn stats(&self, statistics: Statistics) {
        #[allow(clippy::cast_precision_loss)]
        metrics::gauge!("wallet_bus_producer_queue", "topic" => self.topic.clone())
            .set(statistics.msg_cnt as f64);
    }
}
