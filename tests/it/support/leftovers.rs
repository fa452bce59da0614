//! Topics of tests that are over. A broker keeps every topic until it is deleted, and a few runs leave a thousand.

use std::{path::Path, process, thread, time::Duration};

use rdkafka::{
    ClientConfig,
    admin::{AdminClient, AdminOptions},
    client::DefaultClientContext,
    consumer::{BaseConsumer, Consumer},
};
use uuid::Uuid;

/// As many topics are deleted at once.
const CHUNK: usize = 50;

/// A name that no other test has, and that tells which process made it.
pub fn own_name() -> String {
    format!("test.{}.{}", process::id(), Uuid::new_v4().simple())
}

/// Deletes, in the background, the topics that processes have made which are no more.
pub fn sweep(brokers: &str) {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers);
    // Whatever cannot be deleted now is left to the next run.
    thread::spawn(move || {
        let consumer: BaseConsumer = config.create().ok()?;
        let metadata = consumer.fetch_metadata(None, Duration::from_secs(10)).ok()?;
        let dead: Vec<&str> =
            metadata.topics().iter().map(|topic| topic.name()).filter(|name| is_dead(name)).collect();
        let admin: AdminClient<DefaultClientContext> = config.create().ok()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
        for topics in dead.chunks(CHUNK) {
            runtime.block_on(admin.delete_topics(topics, &AdminOptions::new())).ok()?;
        }
        Some(())
    });
}

/// Whether a topic was made by a test of a process that is no more.
fn is_dead(topic: &str) -> bool {
    let mut words = topic.split('.');
    let (Some("test"), Some(Ok(pid))) = (words.next(), words.next().map(str::parse::<u32>)) else {
        return false;
    };
    !Path::new("/proc").join(pid.to_string()).exists()
}
