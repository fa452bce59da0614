//! Publishes to a bus and consumes from it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use async_trait::async_trait;
use tokio::{
    task::JoinHandle,
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;
use wallet::{
    adapters::kafka::{KafkaBus, KafkaSettings},
    events::{
        bus::{Consumer, EventBus, Message, Poison, Subscription},
        event::Event,
    },
};

use super::leftovers::own_name;

/// Timeout of a wait for a condition.
pub const WAIT_TIMEOUT: Duration = Duration::from_secs(60);

/// A bus over these brokers with a short session timeout, so that a crashed consumer is noticed soon.
pub fn kafka(brokers: &str) -> Arc<KafkaBus> {
    let session_timeout = Duration::from_secs(6);
    Arc::new(KafkaBus::new(KafkaSettings { session_timeout, ..KafkaSettings::new(brokers.to_owned(), 3, 1) }))
}

/// A name that no other test has.
pub fn unique(name: &str) -> String {
    format!("{}.{name}", own_name())
}

/// The n-th event of a key; the payload says which it is.
pub fn event(topic: &str, key: usize, n: usize) -> Event {
    Event {
        topic: topic.to_owned(),
        key: format!("key-{key}"),
        headers: vec![("ce_type", "test.v1".to_owned()), ("ce_id", format!("{key}:{n}"))],
        payload: n.to_string().into_bytes(),
    }
}

/// `count` events for each of `keys` keys, the keys taking turns, numbered from `first`.
pub fn events(topic: &str, keys: usize, first: usize, count: usize) -> Vec<Event> {
    (first..first + count)
        .flat_map(|n| (0..keys).map(move |key| (key, n)))
        .map(|(key, n)| event(topic, key, n))
        .collect()
}

/// Publishes as the relay does: again from the first event that is not confirmed.
pub async fn publish_all(bus: &dyn EventBus, mut events: &[Event]) {
    while let Err(error) = bus.publish(events).await {
        events = &events[error.confirmed..];
        sleep(Duration::from_millis(100)).await;
    }
}

/// Waits until something holds.
pub async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < WAIT_TIMEOUT, "waited in vain for this: {what}");
        sleep(Duration::from_millis(10)).await;
    }
}

/// A consumer that records its messages. A payload `poison`, or none, can never be served, except in a dead-letter topic.
#[derive(Default)]
pub struct Listener {
    received: Mutex<Vec<Message>>,
    /// While set, `consume` does not return.
    is_stuck: Mutex<bool>,
}

impl Listener {
    pub fn received(&self) -> MutexGuard<'_, Vec<Message>> {
        self.received.lock().unwrap()
    }

    pub fn count(&self) -> usize {
        self.received().len()
    }

    pub fn stick(&self, is_stuck: bool) {
        *self.is_stuck.lock().unwrap() = is_stuck;
    }

    /// For each key, the numbers in the order in which each was first received.
    pub fn first_received(&self) -> HashMap<String, Vec<usize>> {
        let mut numbers: HashMap<String, Vec<usize>> = HashMap::new();
        for message in self.received().iter() {
            let key = String::from_utf8(message.key.clone().unwrap()).unwrap();
            let number = String::from_utf8(message.payload.clone().unwrap()).unwrap().parse().unwrap();
            let known = numbers.entry(key).or_default();
            if !known.contains(&number) {
                known.push(number);
            }
        }
        numbers
    }

    /// Waits until every key's events 0 to `count` − 1 are received, and checks their order.
    pub async fn receives_all_in_order(&self, keys: usize, count: usize) {
        until("every event is received", || {
            self.count() >= keys * count && {
                let received = self.first_received();
                received.len() == keys && received.values().all(|numbers| numbers.len() == count)
            }
        })
        .await;
        for (key, numbers) in self.first_received() {
            assert!(numbers.iter().copied().eq(0..count), "{key} came out of order: {numbers:?}");
        }
    }
}

#[async_trait]
impl Consumer for Listener {
    async fn consume(&self, messages: &[Message]) -> Vec<(usize, Poison)> {
        while *self.is_stuck.lock().unwrap() {
            sleep(Duration::from_millis(20)).await;
        }
        let mut poison = Vec::new();
        for (index, message) in messages.iter().enumerate() {
            let is_poisonous = message.payload.as_deref().is_none_or(|payload| payload == b"poison");
            if is_poisonous && !message.topic.ends_with(".dlq") {
                poison.push((index, Poison("it is poisonous".to_owned())));
            } else {
                self.received().push(message.clone());
            }
        }
        poison
    }
}

/// A listener that is being served.
pub struct Served {
    pub listener: Arc<Listener>,
    bus: Arc<dyn EventBus>,
    group: String,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Served {
    /// Begins to serve: messages that are published from now on are received.
    pub async fn begin(bus: &Arc<dyn EventBus>, group: &str, topics: &[&str]) -> Self {
        let served = Self::with(bus, group, topics, Arc::default());
        if !bus.is_durable() {
            until("the group is there", || served.is_caught_up()).await;
        }
        served
    }

    pub fn with(bus: &Arc<dyn EventBus>, group: &str, topics: &[&str], listener: Arc<Listener>) -> Self {
        let stop = CancellationToken::new();
        let subscription = Subscription {
            group: group.to_owned(),
            topics: topics.iter().map(|topic| (*topic).to_owned()).collect(),
        };
        let task = tokio::spawn({
            let (bus, consumer, stop) = (Arc::clone(bus), Arc::clone(&listener), stop.clone());
            async move { bus.serve(subscription, consumer, stop).await }
        });
        Self { listener, bus: Arc::clone(bus), group: group.to_owned(), stop, task }
    }

    /// The group's lag, as the bus reports it.
    pub fn behind(&self) -> Duration {
        self.bus.progress(&self.group).behind()
    }

    pub fn is_caught_up(&self) -> bool {
        self.behind() == Duration::ZERO
    }

    /// Stops and leaves the group.
    pub async fn stop(self) {
        self.stop.cancel();
        tokio::time::timeout(Duration::from_secs(10), self.task)
            .await
            .expect("serving ends in time")
            .unwrap();
    }

    /// Aborts its task.
    pub async fn abort(self) {
        self.task.abort();
        let _ = self.task.await;
    }
}
