//! Topics of earlier tests. A broker keeps every topic until it is deleted, and a few runs leave a thousand.

use std::{path::Path, process, thread, time::Duration};

use rdkafka::{
    ClientConfig,
    admin::{AdminClient, AdminOptions},
    client::DefaultClientContext,
    consumer::{BaseConsumer, Consumer},
};
use uuid::Uuid;

/// Maximum number of topics that are deleted at once.
const TOPICS_PER_REQUEST: usize = 50;

/// A unique name that contains the id of this process.
pub fn own_name() -> String {
    format!("test.{}.{}", process::id(), Uuid::new_v4().simple())
}

/// Deletes, in the background, the topics of processes that have ended.
pub fn sweep(brokers: &str) {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers);
    // A topic that cannot be deleted now is left to the next run.
    thread::spawn(move || {
        let consumer: BaseConsumer = config.create().ok()?;
        let metadata = consumer.fetch_metadata(None, Duration::from_secs(10)).ok()?;
        let dead: Vec<&str> =
            metadata.topics().iter().map(|topic| topic.name()).filter(|name| is_dead(name)).collect();
        let admin: AdminClient<DefaultClientContext> = config.create().ok()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
        for topics in dead.chunks(TOPICS_PER_REQUEST) {
            runtime.block_on(admin.delete_topics(topics, &AdminOptions::new())).ok()?;
        }
        Some(())
    });
}

/// Whether a topic was made by a test of a process that has ended.
fn is_dead(topic: &str) -> bool {
    let mut words = topic.split('.');
    let (Some("test"), Some(Ok(pid))) = (words.next(), words.next().map(str::parse::<u32>)) else {
        return false;
    };
    !Path::new("/proc").join(pid.to_string()).exists()
}
