//! Whether the brokers can be reached, said once when it changes.

use std::sync::atomic::{AtomicBool, Ordering};

use rdkafka::{
    config::RDKafkaLogLevel,
    error::{KafkaError, RDKafkaErrorCode},
};

/// What all clients of a bus know together of the brokers.
#[derive(Debug, Default)]
pub(super) struct Reach {
    away: AtomicBool,
}

impl Reach {
    /// No broker answers.
    pub(super) fn lost(&self, reason: &str) {
        if !self.away.swap(true, Ordering::Relaxed) {
            metrics::gauge!("wallet_bus_up").set(0.0);
            tracing::warn!(reason, "Kafka cannot be reached: events wait in the log until it is back");
        }
    }

    /// A broker answered.
    pub(super) fn regained(&self) {
        if self.away.load(Ordering::Relaxed) && self.away.swap(false, Ordering::Relaxed) {
            metrics::gauge!("wallet_bus_up").set(1.0);
            tracing::info!("Kafka can be reached again");
        }
    }
}

/// librdkafka's lines that come with every attempt at a broker that is away, which [`Reach`] says once, and with every
/// new producer.
const REPEATED: [&str; 5] = ["FAIL", "ERROR", "REQTMOUT", "GETPID", "CONFWARN"];

/// Passes a line of librdkafka's log on.
pub(super) fn log(level: RDKafkaLogLevel, facility: &str, line: &str) {
    match level {
        RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical => {
            tracing::error!(target: "librdkafka", facility, "{line}");
        }
        RDKafkaLogLevel::Error | RDKafkaLogLevel::Warning if !REPEATED.contains(&facility) => {
            tracing::warn!(target: "librdkafka", facility, "{line}");
        }
        _ => tracing::debug!(target: "librdkafka", facility, "{line}"),
    }
}

/// Passes an error of a whole client on.
pub(super) fn client_error(reach: &Reach, error: &KafkaError, reason: &str) {
    match error.rdkafka_error_code() {
        Some(RDKafkaErrorCode::AllBrokersDown) => reach.lost(reason),
        _ => tracing::debug!(target: "librdkafka", %error, "{reason}"),
    }
}
