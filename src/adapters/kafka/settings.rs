//! How we set up librdkafka's clients, and why.

use std::time::Duration;

use rdkafka::{ClientConfig, config::RDKafkaLogLevel};

use crate::config::{Compression, KafkaLogin, KafkaSecurity};

/// How long a member of a group may be silent before its partitions go to others. It is also how long the partitions of
/// a process that was killed wait, and how long a group takes to come together after a broker was away for longer than
/// this; until then balances are read from Postgres. librdkafka answers for us from threads of its own, so that only a
/// machine that stands still is silent for seconds. Kafka's default is 45 s.
pub const SESSION_TIMEOUT: Duration = Duration::from_secs(10);

/// What the bus needs to know of Kafka.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KafkaSettings {
    /// `host:port`, separated by commas.
    pub brokers: String,
    /// Of a topic that we make. Chosen once: adding partitions later moves keys.
    pub partitions: i32,
    /// Copies of a topic that we make.
    pub replication: i32,
    /// How the brokers are spoken to, by every client.
    pub security: KafkaSecurity,
    /// Of what we publish; what others wrote is read whatever it is.
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

    /// What all clients share.
    pub(super) fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", &self.brokers)
            .set("client.id", "wallet")
            .set("socket.keepalive.enable", "true")
            // How soon a broker that is back is found, and how often one that is down is tried.
            .set("reconnect.backoff.ms", "500")
            .set("reconnect.backoff.max.ms", "2000")
            // A topic that is made later, and partitions that are added later, are found within this time.
            .set("topic.metadata.refresh.interval.ms", "5000")
            // The reason of a connection that failed is only in the log; `reach` says it once.
            .set("log.connection.close", "true")
            .set_log_level(RDKafkaLogLevel::Info);
        self.secure(&mut config);
        config
    }

    /// The certificate of a broker and its name are checked by librdkafka's defaults.
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

    /// A producer that neither loses, nor repeats, nor reorders by itself, and never gives up.
    pub(super) fn producer(&self) -> ClientConfig {
        let mut config = self.client();
        config
            .set("enable.idempotence", "true")
            .set("acks", "all")
            // A message that is refused for good stops the producer before a later one overtakes it.
            .set("enable.gapless.guarantee", "true")
            // With a limit, a message that was stored may be reported as failed; sent again, it would come after
            // later ones.
            .set("delivery.timeout.ms", "0")
            .set("linger.ms", "2")
            .set("compression.type", self.compression.as_str())
            // The partition that Java clients choose for a key, so that others can write to the topic too.
            .set("partitioner", "murmur2_random")
            .set("statistics.interval.ms", "15000");
        config
    }

    /// A member of a group that keeps its offsets itself, after the work.
    pub(super) fn consumer(&self, group: &str) -> ClientConfig {
        let mut config = self.client();
        config
            .set("group.id", group)
            .set("enable.auto.commit", "true")
            .set("enable.auto.offset.store", "false")
            // Stored offsets go to the broker this often: what a crash repeats, and what the lag is read from.
            .set("auto.commit.interval.ms", "250")
            .set("auto.offset.reset", "earliest")
            .set("partition.assignment.strategy", "cooperative-sticky")
            .set("session.timeout.ms", self.session_timeout.as_millis().to_string())
            // We poll also while work takes long; who does not poll is stuck.
            .set("max.poll.interval.ms", self.session_timeout.as_millis().to_string())
            // Bounds the memory of a long catching up; the pause after a full queue is a second by default.
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
