//! A bus inside this process. A group hears what is published while it is served; what nobody listens to goes
//! nowhere. A group that is full holds up the publisher until it has room, or is gone.

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

/// The groups that are served, by name.
#[derive(Default)]
pub struct Groups {
    served: Mutex<HashMap<String, Served>>,
    /// Numbers the messages.
    published: AtomicI64,
}

struct Served {
    group: Arc<Group>,
    members: usize,
}

/// A place in a group; dropping it leaves the group, however serving ends.
struct Seat<'g> {
    groups: &'g Groups,
    name: String,
    group: Arc<Group>,
}

impl Groups {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Served>> {
        self.served.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn join(&self, subscription: &Subscription) -> Seat<'_> {
        let mut served = self.lock();
        let entry = served
            .entry(subscription.group.clone())
            .or_insert_with(|| Served { group: Arc::new(Group::new()), members: 0 });
        entry.members += 1;
        entry.group.hear(&subscription.topics);
        Seat { groups: self, name: subscription.group.clone(), group: Arc::clone(&entry.group) }
    }

    /// Hands the message to every group that hears its topic.
    async fn send(&self, message: Message) {
        let offset = self.published.fetch_add(1, Ordering::Relaxed);
        let hearing: Vec<Arc<Group>> = self
            .lock()
            .values()
            .filter(|served| served.group.hears(&message.topic))
            .map(|served| Arc::clone(&served.group))
            .collect();
        let waiting = Waiting { message, offset, since: Instant::now() };
        for group in hearing {
            group.send(waiting.clone()).await;
        }
    }

    /// Serves what is there, and forgets it only then.
    async fn serve(&self, group: &Group, queue: &mut Queue, consumer: &dyn Consumer) {
        queue.fill().await;
        group.begins(&queue.batch);
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

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        let mut served = self.groups.lock();
        let Some(entry) = served.get_mut(&self.name) else { return };
        entry.members -= 1;
        if entry.members == 0 {
            entry.group.gone.cancel();
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
        let seat = self.groups.join(&subscription);
        let work = async {
            let mut queue = seat.group.queue.lock().await;
            loop {
                self.groups.serve(&seat.group, &mut queue, consumer.as_ref()).await;
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

    /// Nothing outlives this process here, so there is no other history to meet.
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
