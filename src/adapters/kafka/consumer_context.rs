//! A consumer's errors, log and rebalances, and whether its partitions are paused.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use rdkafka::{
    ClientContext,
    config::RDKafkaLogLevel,
    consumer::{BaseConsumer, Consumer, ConsumerContext, Rebalance, StreamConsumer},
    error::{KafkaError, RDKafkaErrorCode},
};

use super::broker_status::{self, BrokerStatus};

/// The context of a group's consumer.
pub(super) struct GroupConsumerContext {
    pub(super) broker_status: Arc<BrokerStatus>,
    /// Work takes long: no more messages are taken until it is done.
    is_paused: AtomicBool,
    /// The present failure was logged.
    has_logged_failure: AtomicBool,
}

impl GroupConsumerContext {
    pub(super) fn new(broker_status: Arc<BrokerStatus>) -> Self {
        Self { broker_status, is_paused: AtomicBool::new(false), has_logged_failure: AtomicBool::new(false) }
    }

    /// Pauses all assigned partitions, and those that are assigned until [`Self::resume`].
    pub(super) fn pause(&self, consumer: &StreamConsumer<Self>) {
        self.is_paused.store(true, Ordering::Relaxed);
        let paused = consumer.assignment().and_then(|assigned| consumer.pause(&assigned));
        if let Err(error) = paused {
            tracing::debug!(%error, "partitions were not paused");
        }
    }

    /// Resumes all assigned partitions.
    pub(super) fn resume(&self, consumer: &StreamConsumer<Self>) {
        self.is_paused.store(false, Ordering::Relaxed);
        let resumed = consumer.assignment().and_then(|assigned| consumer.resume(&assigned));
        if let Err(error) = resumed {
            tracing::warn!(%error, "partitions were not resumed");
        }
    }

    /// Logs a transient failure, once until a message arrives.
    pub(super) fn log_failure(&self, group: &str, error: &KafkaError) {
        let is_known = matches!(
            error.rdkafka_error_code(),
            Some(RDKafkaErrorCode::AllBrokersDown | RDKafkaErrorCode::BrokerTransportFailure)
        );
        // An unavailable broker is logged by the client's own error.
        if !is_known && !self.has_logged_failure.swap(true, Ordering::Relaxed) {
            tracing::warn!(group, %error, "cannot take messages; retrying");
        }
    }

    /// Notes that a message has arrived.
    pub(super) fn note_message(&self) {
        self.broker_status.mark_up();
        self.has_logged_failure.store(false, Ordering::Relaxed);
    }
}

impl ClientContext for GroupConsumerContext {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        broker_status::log(&self.broker_status, level, facility, line);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        broker_status::client_error(&self.broker_status, &error, reason);
    }
}

impl ConsumerContext for GroupConsumerContext {
    fn post_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        // librdkafka remembers whether a partition was paused when it was revoked.
        let Rebalance::Assign(partitions) = rebalance else { return };
        let set = if self.is_paused.load(Ordering::Relaxed) {
            consumer.pause(partitions)
        } else {
            consumer.resume(partitions)
        };
        if let Err(error) = set {
            tracing::warn!(%error, "assigned partitions were neither paused nor resumed");
        }
    }
}
