//! A consumer of a group: takes messages, passes them on to be served, and only then stores their offsets.

use std::{pin::pin, sync::Arc, time::Duration};

use futures_util::{FutureExt, StreamExt};
use rdkafka::{
    Offset, TopicPartitionList,
    consumer::{Consumer as _, MessageStream, StreamConsumer},
    error::{KafkaError, KafkaResult},
    message::BorrowedMessage,
};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::{
    batch::Batch,
    broker_status::BrokerStatus,
    consumer_context::GroupConsumerContext,
    dead_letters::DeadLetters,
    lag::{LagMonitor, SharedProgress},
    settings::KafkaSettings,
};
use crate::events::bus::{Consumer, Subscription};

/// Maximum number of messages in a batch.
const BATCH_MAX: usize = 500;
/// After this time of work the partitions are paused and polled, so that the consumer stays in its group.
const PAUSE_AFTER: Duration = Duration::from_secs(1);
/// Delay after an error that librdkafka recovers from by itself.
const RETRY_DELAY: Duration = Duration::from_millis(100);
/// Timeout for leaving the group: an unavailable broker must not delay the process's end.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(3);

type Stream<'s> = MessageStream<'s, GroupConsumerContext>;

/// The consumer cannot continue; another has to take its place.
struct Fatal(KafkaError);

/// One consumer of a group, from joining to leaving.
pub(super) struct GroupConsumer {
    subscription: Subscription,
    consumer: Arc<StreamConsumer<GroupConsumerContext>>,
    settings: KafkaSettings,
    progress: SharedProgress,
}

impl GroupConsumer {
    /// Touches no network: the consumer joins while it serves. The group's progress is noted in `progress`.
    pub(super) fn join(
        settings: &KafkaSettings,
        broker_status: &Arc<BrokerStatus>,
        subscription: &Subscription,
        progress: SharedProgress,
    ) -> KafkaResult<Self> {
        let context = GroupConsumerContext::new(Arc::clone(broker_status));
        let consumer: StreamConsumer<GroupConsumerContext> =
            settings.consumer(&subscription.group).create_with_context(context)?;
        let topics: Vec<&str> = subscription.topics.iter().map(String::as_str).collect();
        consumer.subscribe(&topics)?;
        Ok(Self {
            subscription: subscription.clone(),
            consumer: Arc::new(consumer),
            settings: settings.clone(),
            progress,
        })
    }

    /// Serves until `stop`, or until another consumer has to take its place.
    pub(super) async fn serve(
        self,
        dead_letters: &DeadLetters,
        consumer: &dyn Consumer,
        stop: &CancellationToken,
    ) {
        let progress = Arc::clone(&self.progress);
        let monitor =
            LagMonitor::new(&self.subscription, &self.settings, Arc::downgrade(&self.consumer), progress);
        tokio::select! {
            () = stop.cancelled() => {}
            () = monitor.run() => {}
            Fatal(error) = self.work(dead_letters, consumer) => {
                tracing::error!(group = self.subscription.group, %error, "the group's consumer failed; a new one is created");
            }
        }
        self.leave().await;
    }

    async fn work(&self, dead_letters: &DeadLetters, consumer: &dyn Consumer) -> Fatal {
        let mut stream = self.consumer.stream();
        let mut batch = Batch::default();
        loop {
            if batch.is_empty()
                && let Err(fatal) = self.take(&mut stream, &mut batch).await
            {
                return fatal;
            }
            let mut next = Batch::default();
            let served =
                self.poll_while_paused(batch.serve(consumer, dead_letters), &mut stream, &mut next).await;
            self.store(&batch);
            if let Err(fatal) = served {
                return fatal;
            }
            batch = next;
        }
    }

    /// Waits for a message, and takes those that are already fetched.
    async fn take(&self, stream: &mut Stream<'_>, batch: &mut Batch) -> Result<(), Fatal> {
        while batch.is_empty() {
            match stream.next().await {
                Some(Ok(message)) => self.push(&message, batch),
                Some(Err(error)) => self.handle_consume_error(error).await?,
                None => tokio::time::sleep(RETRY_DELAY).await,
            }
        }
        while batch.len() < BATCH_MAX
            && let Some(Some(Ok(message))) = stream.next().now_or_never()
        {
            self.push(&message, batch);
        }
        Ok(())
    }

    /// Copies the message: a consumer that is dropped while one of its messages is alive hangs for ever.
    fn push(&self, message: &BorrowedMessage<'_>, batch: &mut Batch) {
        self.consumer.context().note_message();
        batch.push(message);
    }

    /// Does the work. After [`PAUSE_AFTER`] the consumer is polled with its partitions paused, because the group expels a
    /// consumer that does not poll. Messages that arrive all the same go to `next`.
    async fn poll_while_paused(
        &self,
        work: impl Future<Output = ()>,
        stream: &mut Stream<'_>,
        next: &mut Batch,
    ) -> Result<(), Fatal> {
        let mut work = pin!(work);
        if tokio::time::timeout(PAUSE_AFTER, &mut work).await.is_ok() {
            return Ok(());
        }
        self.consumer.context().pause(&self.consumer);
        let mut outcome = Ok(());
        loop {
            tokio::select! {
                biased;
                () = &mut work => break,
                event = stream.next(), if outcome.is_ok() => match event {
                    Some(Ok(message)) => self.push(&message, next),
                    Some(Err(error)) => outcome = self.handle_consume_error(error).await,
                    None => tokio::time::sleep(RETRY_DELAY).await,
                },
            }
        }
        self.consumer.context().resume(&self.consumer);
        outcome
    }

    /// Waits after an error that librdkafka retries by itself: an unavailable broker, a topic that does not exist yet.
    async fn handle_consume_error(&self, error: KafkaError) -> Result<(), Fatal> {
        if matches!(error, KafkaError::MessageConsumptionFatal(_)) {
            return Err(Fatal(error));
        }
        self.consumer.context().log_failure(&self.subscription.group, &error);
        tokio::time::sleep(RETRY_DELAY).await;
        Ok(())
    }

    /// Stores the offsets after the batch; librdkafka commits them by itself. It refuses the offset of a partition that
    /// was revoked, and the consumer that has it now serves the batch again.
    fn store(&self, batch: &Batch) {
        let mut offsets = TopicPartitionList::new();
        let noted: KafkaResult<()> = batch.ends().into_iter().try_for_each(|((topic, partition), end)| {
            offsets.add_partition_offset(topic, partition, Offset::Offset(end))
        });
        if let Err(error) = noted.and_then(|()| self.consumer.store_offsets(&offsets)) {
            tracing::debug!(group = self.subscription.group, %error, "offsets were not stored");
        }
    }

    /// Commits the stored offsets and leaves the group.
    async fn leave(self) {
        let consumer = self.consumer;
        let (closed, has_left) = oneshot::channel();
        // A thread of its own, as the runtime must not wait for it at shutdown: without a broker it blocks.
        std::thread::spawn(move || {
            // The lag monitor may hold it for one sample more.
            while Arc::strong_count(&consumer) > 1 {
                std::thread::sleep(Duration::from_millis(5));
            }
            drop(consumer);
            let _ = closed.send(());
        });
        if tokio::time::timeout(LEAVE_TIMEOUT, has_left).await.is_err() {
            tracing::warn!(
                group = self.subscription.group,
                "the group was not left in time: Kafka does not answer"
            );
        }
    }
}
