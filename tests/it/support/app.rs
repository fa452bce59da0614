//! The real service in this process, on real servers, with a database, topics and keys of its own.

use std::{collections::BTreeMap, sync::Arc};

use wallet::{
    app::serve::{self, Running},
    config::Config,
};

use super::{
    customer::Customer, database::TestDatabase, leftovers::own_name, servers::servers, topic_audit::OwnTopics,
};

/// The variables that set a service up, for this process or for one of its own.
pub type Settings = BTreeMap<String, String>;

/// The settings of a service in production, with any servers of the tests.
pub const PRODUCTION: [(&str, &str); 5] = [
    ("APP_ENV", "production"),
    ("JWT_SECRET", "a-Secret-of-the-tests-own-with-many-characters-012345"),
    ("SERVICE_API_KEY", "a-Key-of-the-tests-own-with-many-characters-6789"),
    ("TRUSTED_NETWORK", "true"),
    ("PASSWORD_MEMORY_KIB", "19456"),
];

/// A running service; when it is dropped, its topics are compared with its books, and its books are audited.
pub struct TestApp {
    _topics: OwnTopics,
    pub db: TestDatabase,
    pub settings: Settings,
    pub base: String,
    running: Option<Running>,
}

/// Settings for a service on this database, with real Redis and Kafka and names of its own.
pub fn settings_for(db: &TestDatabase) -> Settings {
    let own = own_name();
    let servers = servers();
    [
        ("DATABASE_URL", db.url.clone()),
        ("REDIS_URL", servers.redis_url.clone()),
        ("KAFKA_BROKERS", servers.kafka_brokers.clone()),
        ("KAFKA_TOPIC_TRANSACTIONS", format!("{own}.created-transaction")),
        ("KAFKA_TOPIC_STATUS", format!("{own}.changed-status")),
        ("KAFKA_PARTITIONS", "2".to_owned()),
        ("KAFKA_GROUP_PREFIX", own.clone()),
        ("REDIS_PREFIX", format!("{own}:")),
        ("HOST", "127.0.0.1".to_owned()),
        ("PORT", "0".to_owned()),
        ("ADMIN_PORT", "off".to_owned()),
        ("DATABASE_POOL_MAX", "4".to_owned()),
        // Cheap: it is known what a hash costs.
        ("PASSWORD_MEMORY_KIB", "64".to_owned()),
        ("PASSWORD_PASSES", "1".to_owned()),
        // The tests are one source, and many fail on purpose.
        ("RATE_LIMIT_REFUSALS", "off".to_owned()),
        ("RATE_LIMIT_FAILURES", "off".to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

impl TestApp {
    /// A service with real Redis and Kafka.
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// A service with only Postgres: in-process bus and cache.
    pub async fn start_alone() -> Self {
        Self::start_with(&[("KAFKA_BROKERS", ""), ("REDIS_URL", "")]).await
    }

    /// A service with some settings of the test's own.
    pub async fn start_with(changes: &[(&str, &str)]) -> Self {
        let db = TestDatabase::create().await;
        let mut settings = settings_for(&db);
        settings.extend(changes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let running = start(&settings).await;
        let _topics = OwnTopics::of(&settings);
        Self { _topics, db, settings, base: base_of(&running), running: Some(running) }
    }

    /// The address of the port for operators.
    pub fn admin_base(&self) -> String {
        let address = self.running.as_ref().and_then(|running| running.admin_address);
        format!("http://{}", address.expect("a port for operators"))
    }

    /// Stops as SIGTERM does, and waits for the end.
    pub async fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            running.stop().await.expect("the service ends well");
        }
    }

    /// A new customer with an enabled wallet.
    pub async fn customer(&self) -> Customer {
        Customer::enabled(&self.base).await
    }
}

async fn start(settings: &Settings) -> Running {
    let config = Config::of(settings).expect("the test's settings");
    serve::start(config, Arc::new(String::new)).await.expect("the service starts")
}

fn base_of(running: &Running) -> String {
    format!("http://{}", running.address)
}
