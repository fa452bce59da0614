//! Topics and books compared when a test ends, as `wallet audit --topic` does.

use wallet::{app::audit::topics, config::Config, kernel::finding::Finding};

use super::{app::Settings, database::on_a_thread};

/// What the topics and the books do not agree on.
pub async fn disagreements(settings: &Settings) -> Vec<Finding> {
    let config = Config::of(settings).expect("the test's settings");
    let audited = topics(&config, 0, 0).await.expect("the topics' audit");
    audited.into_iter().flat_map(|(_, audited)| audited.findings).collect()
}

/// The topics of a service under test; when this is dropped, they are compared with the books. Entries that the relay has
/// not published yet are not missed, so nothing has to be waited for.
pub struct OwnTopics {
    settings: Settings,
    is_audited: bool,
}

impl OwnTopics {
    /// Of a service with these settings. Without Kafka there is nothing to compare.
    pub fn of(settings: &Settings) -> Self {
        Self { is_audited: !settings["KAFKA_BROKERS"].is_empty(), settings: settings.clone() }
    }
}

impl Drop for OwnTopics {
    fn drop(&mut self) {
        if !self.is_audited || std::thread::panicking() {
            return;
        }
        let settings = std::mem::take(&mut self.settings);
        let findings = on_a_thread(async move { disagreements(&settings).await }).join();
        let findings = findings.expect("the audit's thread");
        assert!(findings.is_empty(), "topics and books do not agree: {findings:#?}");
    }
}
