//! The configuration of librdkafka's clients, and the reasons for it.

use std::time::Duration;

use rdkafka::{ClientConfig, config::RDKafkaLogLevel};

use crate::config::{Compression, KafkaLogin, KafkaSecurity};

/// How long a group's consumer may send no heartbeat before its partitions are assigned to others. It is also how long
/// the partitions of a killed process wait, and how long a group takes to form again after a broker was unavailable for
/// longer than this; meanwhile balances are read from Postgres. librdkafka sends heartbeats from threads of its own, so
/// only a suspended machine misses them for seconds. Kafka's default is 45 s.
pub const SESSION_TIMEOUT: Duration = Duration::from_secs(10);

/// The settings of the bus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KafkaSettings {
    /// `host:port`, separated by commas.
    pub brokers: String,
    /// Partitions of a topic that the bus creates. Chosen once: adding partitions later moves keys.
    pub partitions: i32,
    /// Replicas of a topic that the bus creates.
    pub replication: i32,
    /// TLS and login, for every client.
    pub security: KafkaSecurity,
    /// For published messages; messages are read in any compression.
    pub compression: Compression,
    /// [`SESSION_TIMEOUT`]; tests that crash a consumer take less.
    pub session_timeout: Duration,
}

impl KafkaSettings {
    /// Settings for these brokers, without compression, TLS and a login.
    #[must_use]
    pub fn new(brokers: String, partitions: i32, replication: i32) -> Self {
        Self {
            brokers,
            partitions,
            replication,
            security: KafkaSecurity::default(),
            compression: Compression::None,
            session_timeout: SESSION_TIMEOUT,
        }
    }

    /// The configuration that all clients share.
    pub(super) fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", &self.brokers)
            .set("client.id", "wallet")
            .set("socket.keepalive.enable", "true")
            // How soon a recovered broker is found, and how often an unavailable one is tried.
            .set("reconnect.backoff.ms", "500")
            .set("reconnect.backoff.max.ms", "2000")
            // New topics and partitions are found within this time.
            .set("topic.metadata.refresh.interval.ms", "5000")
            // The reason of a failed connection is only in the log; `BrokerStatus` logs it once.
            .set("log.connection.close", "true")
            .set_log_level(RDKafkaLogLevel::Info);
        self.secure(&mut config);
        config
    }

    /// By default librdkafka checks the broker's certificate and its name.
    fn secure(&self, config: &mut ClientConfig) {
        let KafkaSecurity { is_encrypted, ca_file, login } = &self.security;
        let protocol = match (is_encrypted, login) {
            (false, None) => "plaintext",
            (true, None) => "ssl",
            (false, Some(_)) => "sasl_plaintext",
            (true, Some(_)) => "sasl_ssl",
        };
        config.set("security.protocol", protocol);
        if let Some(file) = ca_file {
            config.set("ssl.ca.location", file);
        }
        if let Some(KafkaLogin { mechanism, username, password }) = login {
            config
                .set("sasl.mechanism", mechanism.as_str())
                .set("sasl.username", username)
                .set("sasl.password", password.expose());
        }
    }

    /// A producer that neither loses, nor repeats, nor reorders messages, and retries without end.
    pub(super) fn producer(&self) -> ClientConfig {
        let mut config = self.client();
        config
            .set("enable.idempotence", "true")
            .set("acks", "all")
            // A message that is refused permanently stops the producer before a later one overtakes it.
            .set("enable.gapless.guarantee", "true")
            // With a timeout, a stored message may be reported as failed; sent again, it would follow later ones.
            .set("delivery.timeout.ms", "0")
            .set("linger.ms", "2")
            .set("compression.type", self.compression.as_str())
            // Java clients choose the same partition for a key, so that they can write to the topic too.
            .set("partitioner", "murmur2_random")
            .set("statistics.interval.ms", "15000");
        config
    }

    /// A group's consumer that stores its offsets itself, after the work.
    pub(super) fn consumer(&self, group: &str) -> ClientConfig {
        let mut config = self.client();
        config
            .set("group.id", group)
            .set("enable.auto.commit", "true")
            .set("enable.auto.offset.store", "false")
            // How often stored offsets are committed: bounds what a crash repeats, and how exact the lag is.
            .set("auto.commit.interval.ms", "250")
            .set("auto.offset.reset", "earliest")
            .set("partition.assignment.strategy", "cooperative-sticky")
            .set("session.timeout.ms", self.session_timeout.as_millis().to_string())
            // The consumer is polled also while work takes long; one that is not polled is stuck.
            .set("max.poll.interval.ms", self.session_timeout.as_millis().to_string())
            // Bounds the memory of a long backlog; the back-off after a full queue is 1 s by default.
            .set("queued.max.messages.kbytes", "8192")
            .set("fetch.queue.backoff.ms", "20");
        config
    }
}

#[cfg(test)]
mod tests {
    use rdkafka::producer::BaseProducer;

    use super::*;

    /// librdkafka refuses a codec that it was built without.
    #[test]
    fn every_codec_that_can_be_chosen_is_built_in() {
        for compression in Compression::ALL {
            let settings =
                KafkaSettings { compression, ..KafkaSettings::new("127.0.0.1:1".to_owned(), 1, 1) };
            let producer = settings.producer().create::<BaseProducer>();
            assert!(producer.is_ok(), "{compression:?}");
        }
    }
}
