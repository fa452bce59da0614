//! Whether the brokers can be reached, said once when it changes.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicBool, AtomicU32, Ordering},
};

use rdkafka::{
    config::RDKafkaLogLevel,
    error::{KafkaError, RDKafkaErrorCode},
};

/// librdkafka's words for a listener that expects another protocol: one that wants TLS hangs up or answers with an alert,
/// whose first bytes are no length; one that wants SASL hangs up at the first request; a handshake fails for a certificate
/// that is not believed; a login is refused.
const MISMATCHES: [&str; 5] = [
    "security.protocol",
    "SSL handshake",
    "Invalid response size",
    "APIVERSION_QUERY",
    "SASL authentication error",
];
/// The number of such failures before they are named: a broker that is just being stopped may hang up once.
const MISMATCHES_MIN: u32 = 2;

/// What all clients of a bus know together of the brokers.
#[derive(Debug, Default)]
pub(super) struct Reach {
    away: AtomicBool,
    /// Why the last connection failed.
    failure: Mutex<String>,
    /// How many failures since the last answer were those of a listener that speaks otherwise.
    mismatches: AtomicU32,
}

impl Reach {
    /// No broker answers.
    pub(super) fn lost(&self, reason: &str) {
        if !self.away.swap(true, Ordering::Relaxed) {
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
    pub(super) fn regained(&self) {
        if self.away.load(Ordering::Relaxed) && self.away.swap(false, Ordering::Relaxed) {
            self.mismatches.store(0, Ordering::Relaxed);
            metrics::gauge!("wallet_bus_up").set(1.0);
            tracing::info!("Kafka can be reached again");
        }
    }

    /// A connection failed.
    fn failed(&self, line: &str) {
        line.clone_into(&mut self.failure.lock().unwrap_or_else(PoisonError::into_inner));
        let is_mismatch = MISMATCHES.iter().any(|words| line.contains(words));
        if is_mismatch && self.mismatches.fetch_add(1, Ordering::Relaxed) + 1 == MISMATCHES_MIN {
            tracing::error!(
                reason = line,
                "Kafka cannot be spoken to: KAFKA_SECURITY_PROTOCOL, the certificates or the login do not fit the listener"
            );
        }
    }
}

/// librdkafka's lines that come with every attempt at a broker that is away, which [`Reach`] says once, and with every
/// new producer.
const REPEATED: [&str; 5] = ["FAIL", "ERROR", "REQTMOUT", "GETPID", "CONFWARN"];

/// Passes a line of librdkafka's log on.
pub(super) fn log(reach: &Reach, level: RDKafkaLogLevel, facility: &str, line: &str) {
    if facility == "FAIL" {
        reach.failed(line);
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
pub(super) fn client_error(reach: &Reach, error: &KafkaError, reason: &str) {
    match error.rdkafka_error_code() {
        Some(RDKafkaErrorCode::AllBrokersDown) => reach.lost(reason),
        _ => tracing::debug!(target: "librdkafka", %error, "{reason}"),
    }
}
