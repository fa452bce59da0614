//! Counts delivery reports. One batch is in flight at a time, so two numbers are enough: the number of reports that are
//! pending, and the lowest index that failed.

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

use super::broker_status::{self, BrokerStatus};
use crate::fail_point::fail_point;

/// The delivery reports of the batch in flight.
#[derive(Debug, Default)]
pub(super) struct DeliveryTracker {
    pending: AtomicUsize,
    /// The lowest index that failed, and the first reason: the other messages were purged because of it.
    failure: Mutex<Option<(usize, String)>>,
    changed: Notify,
}

impl DeliveryTracker {
    /// Begins a batch of this number of messages. The batch before it has had all its reports.
    pub(super) fn begin(&self, count: usize) {
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.pending.store(count, Ordering::Release);
    }

    /// Expects no reports for this number of messages: they are not sent.
    pub(super) fn discount(&self, count: usize) {
        self.pending.fetch_sub(count, Ordering::AcqRel);
    }

    /// The number of reports that are pending.
    pub(super) fn pending(&self) -> usize {
        self.pending.load(Ordering::Acquire)
    }

    /// The lowest index that failed, and why.
    pub(super) fn failure(&self) -> Option<(usize, String)> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits for the last report or for the first failure.
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

/// The context of a producer: takes its delivery reports, its log and its statistics.
pub(super) struct DeliveryContext {
    pub(super) topic: String,
    pub(super) tracker: Arc<DeliveryTracker>,
    pub(super) broker_status: Arc<BrokerStatus>,
}

impl ProducerContext for DeliveryContext {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, index: usize) {
        match result {
            Ok(_) => {
                self.broker_status.mark_up();
                self.tracker.delivered();
                fail_point("relay.one_confirmed");
            }
            Err((error, _)) => self.tracker.failed(index, error),
        }
    }
}

impl ClientContext for DeliveryContext {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        broker_status::log(&self.broker_status, level, facility, line);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        broker_status::client_error(&self.broker_status, &error, reason);
    }

    fn stats(&self, statistics: Statistics) {
        #[allow(clippy::cast_precision_loss)]
        metrics::gauge!("wallet_bus_producer_queue", "topic" => self.topic.clone())
            .set(statistics.msg_cnt as f64);
    }
}
