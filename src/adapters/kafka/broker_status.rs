//! Whether the brokers can be reached, logged once for each change.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicBool, AtomicU32, Ordering},
};

use rdkafka::{
    config::RDKafkaLogLevel,
    error::{KafkaError, RDKafkaErrorCode},
};

/// Parts of librdkafka's log lines for a listener that expects another protocol: one with TLS closes the connection or
/// answers with an alert, whose first bytes are no length; one with SASL closes it at the first request; a handshake fails
/// for a certificate that is not trusted; a login is refused.
const MISMATCHES: [&str; 5] = [
    "security.protocol",
    "SSL handshake",
    "Invalid response size",
    "APIVERSION_QUERY",
    "SASL authentication error",
];
/// The number of such failures before they are logged: a broker that is being stopped may close a connection once.
const MISMATCHES_MIN: u32 = 2;

/// Whether the brokers can be reached, shared by all clients of a bus.
#[derive(Debug, Default)]
pub(super) struct BrokerStatus {
    is_down: AtomicBool,
    /// Why the last connection failed, in librdkafka's words.
    failure: Mutex<String>,
    /// Failures of a listener that expects another protocol, since a broker last answered.
    mismatches: AtomicU32,
}

impl BrokerStatus {
    /// No broker answers.
    pub(super) fn mark_down(&self, reason: &str) {
        if !self.is_down.swap(true, Ordering::Relaxed) {
            metrics::gauge!("wallet_bus_up").set(0.0);
            let failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner).clone();
            tracing::warn!(
                reason,
                failure,
                "Kafka cannot be reached: events wait in the log until it is back"
            );
        }
    }

    /// A broker answered.
    pub(super) fn mark_up(&self) {
        if self.is_down.load(Ordering::Relaxed) && self.is_down.swap(false, Ordering::Relaxed) {
            self.mismatches.store(0, Ordering::Relaxed);
            metrics::gauge!("wallet_bus_up").set(1.0);
            tracing::info!("Kafka can be reached again");
        }
    }

    /// Notes a failed connection.
    fn note_failure(&self, line: &str) {
        line.clone_into(&mut self.failure.lock().unwrap_or_else(PoisonError::into_inner));
        let is_mismatch = MISMATCHES.iter().any(|words| line.contains(words));
        if is_mismatch && self.mismatches.fetch_add(1, Ordering::Relaxed) + 1 == MISMATCHES_MIN {
            tracing::error!(
                reason = line,
                "the connection to Kafka fails: KAFKA_SECURITY_PROTOCOL, the certificates or the login do not fit the listener"
            );
        }
    }
}

/// Facilities that librdkafka logs at every attempt to reach an unavailable broker, which [`BrokerStatus`] logs once, and
/// with every new producer.
const REPEATED: [&str; 5] = ["FAIL", "ERROR", "REQTMOUT", "GETPID", "CONFWARN"];

/// Passes a line of librdkafka's log on.
pub(super) fn log(broker_status: &BrokerStatus, level: RDKafkaLogLevel, facility: &str, line: &str) {
    if facility == "FAIL" {
        broker_status.note_failure(line);
    }
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
pub(super) fn client_error(broker_status: &BrokerStatus, error: &KafkaError, reason: &str) {
    match error.rdkafka_error_code() {
        Some(RDKafkaErrorCode::AllBrokersDown) => broker_status.mark_down(reason),
        _ => tracing::debug!(target: "librdkafka", %error, "{reason}"),
    }
}
