//! What a consumer tells us, and whether its partitions are paused.

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

use super::reach::{self, Reach};

/// The context of a group's member.
pub(super) struct Membership {
    pub(super) reach: Arc<Reach>,
    /// Work takes long: nothing more is taken until it is done.
    is_paused: AtomicBool,
    /// The last trouble was said.
    is_in_trouble: AtomicBool,
}

impl Membership {
    pub(super) fn new(reach: Arc<Reach>) -> Self {
        Self { reach, is_paused: AtomicBool::new(false), is_in_trouble: AtomicBool::new(false) }
    }

    /// No partition gives messages from now on.
    pub(super) fn pause(&self, consumer: &StreamConsumer<Self>) {
        self.is_paused.store(true, Ordering::Relaxed);
        let paused = consumer.assignment().and_then(|assigned| consumer.pause(&assigned));
        if let Err(error) = paused {
            tracing::debug!(%error, "partitions were not paused");
        }
    }

    /// They give messages again.
    pub(super) fn resume(&self, consumer: &StreamConsumer<Self>) {
        self.is_paused.store(false, Ordering::Relaxed);
        let resumed = consumer.assignment().and_then(|assigned| consumer.resume(&assigned));
        if let Err(error) = resumed {
            tracing::warn!(%error, "partitions were not resumed");
        }
    }

    /// A passing trouble: said once until something is served again.
    pub(super) fn trouble(&self, group: &str, error: &KafkaError) {
        let is_known = matches!(
            error.rdkafka_error_code(),
            Some(RDKafkaErrorCode::AllBrokersDown | RDKafkaErrorCode::BrokerTransportFailure)
        );
        // A broker that is away was said already, by the client's own error.
        if !is_known && !self.is_in_trouble.swap(true, Ordering::Relaxed) {
            tracing::warn!(group, %error, "cannot take messages; trying again");
        }
    }

    /// A message came.
    pub(super) fn is_well(&self) {
        self.reach.regained();
        self.is_in_trouble.store(false, Ordering::Relaxed);
    }
}

impl ClientContext for Membership {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        reach::log(&self.reach, level, facility, line);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        reach::client_error(&self.reach, &error, reason);
    }
}

impl ConsumerContext for Membership {
    fn post_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        // A partition that comes back remembers that it was paused when it went.
        let Rebalance::Assign(partitions) = rebalance else { return };
        let set = if self.is_paused.load(Ordering::Relaxed) {
            consumer.pause(partitions)
        } else {
            consumer.resume(partitions)
        };
        if let Err(error) = set {
            tracing::warn!(%error, "new partitions were neither paused nor resumed");
        }
    }
}
