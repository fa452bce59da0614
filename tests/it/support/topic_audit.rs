//! Topics and books compared when a test ends, as `wallet audit --topic` does.

use wallet::{app::audit::topics, config::Config, events::audit::TopicAudited, kernel::finding::Finding};

use super::{app::Settings, database::on_a_thread};

/// The topics of entries and of status changes, compared with the books.
pub async fn audited(settings: &Settings) -> [TopicAudited; 2] {
    let config = Config::of(settings).expect("the test's settings");
    let both = topics(&config, 0, 0).await.expect("the topics' audit");
    let both: Vec<TopicAudited> = both.into_iter().map(|(_, audited)| audited).collect();
    both.try_into().expect("two topics")
}

/// The differences between topics and books.
pub async fn disagreements(settings: &Settings) -> Vec<Finding> {
    audited(settings).await.into_iter().flat_map(|topic| topic.findings).collect()
}

/// The topics of a service under test; when this is dropped, they are compared with the books. Entries that the relay has
/// not published yet are not required, so no wait is needed.
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

impl OwnTopics {
    /// For tests without a topic that can be read at their end.
    pub fn skip(&mut self) {
        self.is_audited = false;
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
