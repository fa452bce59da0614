//! A bus inside this process. A group receives the messages that are published while it has a member; messages without a
//! subscribed group are dropped. A full group delays the publisher until it has room, or is closed.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
};

use async_trait::async_trait;
use shaku::Component;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::group::{Group, Queue, Waiting};
use crate::{
    adapters::dead_letter::dead_letter,
    events::{
        bus::{BusError, Consumer, EventBus, GroupProgress, Message, PublishError, Subscription},
        event::{Event, RowMark},
    },
};

/// The bus that the module has by default.
#[derive(Component, Default)]
#[shaku(interface = EventBus)]
pub struct InProcessBus {
    #[shaku(default)]
    groups: Groups,
}

/// The groups that have members, by name.
#[derive(Default)]
pub struct Groups {
    served: Mutex<HashMap<String, Served>>,
    /// The number of the next message.
    published: AtomicI64,
}

struct Served {
    group: Arc<Group>,
    members: usize,
}

/// A group that a member has joined; dropping it leaves the group, however serving ends.
struct JoinedGroup<'g> {
    groups: &'g Groups,
    name: String,
    group: Arc<Group>,
}

impl Groups {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Served>> {
        self.served.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn join(&self, subscription: &Subscription) -> JoinedGroup<'_> {
        let mut served = self.lock();
        let entry = served
            .entry(subscription.group.clone())
            .or_insert_with(|| Served { group: Arc::new(Group::new()), members: 0 });
        entry.members += 1;
        entry.group.subscribe(&subscription.topics);
        JoinedGroup { groups: self, name: subscription.group.clone(), group: Arc::clone(&entry.group) }
    }

    /// Queues the message for every group that is subscribed to its topic.
    async fn send(&self, message: Message) {
        let offset = self.published.fetch_add(1, Ordering::Relaxed);
        let subscribed: Vec<Arc<Group>> = self
            .lock()
            .values()
            .filter(|served| served.group.is_subscribed_to(&message.topic))
            .map(|served| Arc::clone(&served.group))
            .collect();
        let waiting = Waiting { message, offset, since: Instant::now() };
        for group in subscribed {
            group.send(waiting.clone()).await;
        }
    }

    /// Serves a batch, and removes it only then.
    async fn serve(&self, group: &Group, queue: &mut Queue, consumer: &dyn Consumer) {
        queue.fill().await;
        group.begin(&queue.batch);
        let messages: Vec<Message> = queue.batch.iter().map(|waiting| waiting.message.clone()).collect();
        for (index, poison) in consumer.consume(&messages).await {
            let Some(Waiting { message, offset, .. }) = queue.batch.get(index) else { continue };
            tracing::error!(topic = message.topic, offset, %poison, "a message cannot be served");
            metrics::counter!("wallet_bus_dead_letters_total", "topic" => message.topic.clone()).increment(1);
            self.send(dead_letter(message, 0, *offset, &poison)).await;
        }
        group.served(queue.batch.len());
        queue.batch.clear();
    }
}

impl Drop for JoinedGroup<'_> {
    fn drop(&mut self) {
        let mut served = self.groups.lock();
        let Some(entry) = served.get_mut(&self.name) else { return };
        entry.members -= 1;
        if entry.members == 0 {
            entry.group.closed.cancel();
            served.remove(&self.name);
        }
    }
}

#[async_trait]
impl EventBus for InProcessBus {
    async fn publish(&self, events: &[Event]) -> Result<(), PublishError> {
        for event in events {
            let headers = event.headers.iter();
            let headers =
                headers.map(|(key, value)| ((*key).to_owned(), Some(value.clone().into_bytes()))).collect();
            let message = Message {
                topic: event.topic.clone(),
                key: Some(event.key.clone().into_bytes()),
                payload: Some(event.payload.clone()),
                headers,
            };
            self.groups.send(message).await;
        }
        Ok(())
    }

    async fn serve(&self, subscription: Subscription, consumer: Arc<dyn Consumer>, stop: CancellationToken) {
        let joined = self.groups.join(&subscription);
        let work = async {
            let mut queue = joined.group.queue.lock().await;
            loop {
                self.groups.serve(&joined.group, &mut queue, consumer.as_ref()).await;
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = work => {}
        }
    }

    fn progress(&self, group: &str) -> GroupProgress {
        self.groups.lock().get(group).map_or_else(GroupProgress::default, |served| served.group.progress())
    }

    async fn make_topics(&self, _topics: &[String]) -> Result<(), BusError> {
        Ok(())
    }

    /// No message outlives this process, so none can be of another history of the books.
    async fn newest(&self, _topic: &str) -> Result<Vec<RowMark>, BusError> {
        Ok(Vec::new())
    }

    async fn ping(&self) -> Result<(), BusError> {
        Ok(())
    }

    fn name(&self) -> &'static str {
        "in-process"
    }

    fn is_durable(&self) -> bool {
        false
    }
}
