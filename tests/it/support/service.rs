//! One or more server processes on one database.

use super::{
    app::{Settings, settings_for},
    customer::Customer,
    database::TestDatabase,
    process::Server,
    proxy::Proxy,
    topic_audit::OwnTopics,
};

/// Servers of their own process, all with the same settings. They end before their database does; in between, their
/// topics are compared with their books.
pub struct Service {
    pub servers: Vec<Server>,
    pub settings: Settings,
    _topics: OwnTopics,
    pub db: TestDatabase,
}

impl Service {
    /// This number of servers with real Redis and Kafka, and some settings of the test's own.
    pub async fn of(count: usize, changes: &[(&str, &str)]) -> Self {
        let db = TestDatabase::create().await;
        let mut settings = settings_for(&db);
        settings.extend(changes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let servers = (0..count).map(|_| Server::start(&settings)).collect();
        let _topics = OwnTopics::of(&settings);
        Self { servers, settings, _topics, db }
    }

    /// For tests whose broker cannot be read at their end.
    pub fn without_topics(mut self) -> Self {
        self._topics.skip();
        self
    }

    /// One server whose connections to Postgres can be cut.
    pub async fn behind_a_proxy() -> (Self, Proxy) {
        let mut service = Self::of(0, &[]).await;
        let (proxy, url) = Proxy::to_database(&service.db.url).await;
        service.settings.insert("DATABASE_URL".to_owned(), url);
        service.servers.push(Server::start(&service.settings));
        (service, proxy)
    }

    /// A new customer with an enabled wallet, as each of the servers serves it.
    pub async fn customer(&self) -> Vec<Customer> {
        let customer = Customer::enabled(&self.servers[0].base).await;
        self.servers.iter().map(|server| customer.at(&server.base)).collect()
    }
}
