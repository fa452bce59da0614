//! A member of a consumer group: takes what is there, has it served, and only then stores how far it has come.

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
    dead_letters::DeadLetters,
    lag::{Lag, SharedProgress},
    membership::Membership,
    reach::Reach,
    settings::KafkaSettings,
};
use crate::events::bus::{Consumer, Subscription};

/// The most that is handed over at once.
const BATCH_MAX: usize = 500;
/// Work that takes longer than this is waited for with all partitions paused, so that the group goes on seeing us.
const PATIENCE: Duration = Duration::from_secs(1);
/// After an error of the consumer that librdkafka mends by itself.
const PAUSE: Duration = Duration::from_millis(100);
/// How long leaving the group may take: a broker that is away must not hold the process up.
const LEAVE_LIMIT: Duration = Duration::from_secs(3);

type Stream<'s> = MessageStream<'s, Membership>;

/// The consumer cannot go on; another has to take its place.
struct Fatal(KafkaError);

/// One consumer of a group, from joining to leaving.
pub(super) struct Member {
    subscription: Subscription,
    consumer: Arc<StreamConsumer<Membership>>,
    settings: KafkaSettings,
    progress: SharedProgress,
}

impl Member {
    /// Touches no network: joining happens while it serves. `progress` is where the group's is noted meanwhile.
    pub(super) fn join(
        settings: &KafkaSettings,
        reach: &Arc<Reach>,
        subscription: &Subscription,
        progress: SharedProgress,
    ) -> KafkaResult<Self> {
        let context = Membership::new(Arc::clone(reach));
        let consumer: StreamConsumer<Membership> =
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

    /// Serves until `stop`, or until another member has to take its place.
    pub(super) async fn serve(
        self,
        dead_letters: &DeadLetters,
        consumer: &dyn Consumer,
        stop: &CancellationToken,
    ) {
        let progress = Arc::clone(&self.progress);
        let lag = Lag::new(&self.subscription, &self.settings, Arc::downgrade(&self.consumer), progress);
        tokio::select! {
            () = stop.cancelled() => {}
            () = lag.watch() => {}
            Fatal(error) = self.work(dead_letters, consumer) => {
                tracing::error!(group = self.subscription.group, %error, "the consumer ends; another begins");
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
            let served = self.stay_while(batch.serve(consumer, dead_letters), &mut stream, &mut next).await;
            self.store(&batch);
            if let Err(fatal) = served {
                return fatal;
            }
            batch = next;
        }
    }

    /// Waits for a message, and takes what lies beside it.
    async fn take(&self, stream: &mut Stream<'_>, batch: &mut Batch) -> Result<(), Fatal> {
        while batch.is_empty() {
            match stream.next().await {
                Some(Ok(message)) => self.keep(&message, batch),
                Some(Err(error)) => self.endure(error).await?,
                None => tokio::time::sleep(PAUSE).await,
            }
        }
        while batch.len() < BATCH_MAX
            && let Some(Some(Ok(message))) = stream.next().now_or_never()
        {
            self.keep(&message, batch);
        }
        Ok(())
    }

    /// Copies the message: the consumer hangs for ever when it is dropped while one of its messages is alive.
    fn keep(&self, message: &BorrowedMessage<'_>, batch: &mut Batch) {
        self.consumer.context().is_well();
        batch.push(message);
    }

    /// Does the work. When it takes long, the consumer is polled meanwhile, with its partitions paused: who does not
    /// poll is put out of the group. What arrives all the same is kept for afterwards.
    async fn stay_while(
        &self,
        work: impl Future<Output = ()>,
        stream: &mut Stream<'_>,
        next: &mut Batch,
    ) -> Result<(), Fatal> {
        let mut work = pin!(work);
        if tokio::time::timeout(PATIENCE, &mut work).await.is_ok() {
            return Ok(());
        }
        self.consumer.context().pause(&self.consumer);
        let mut outcome = Ok(());
        loop {
            tokio::select! {
                biased;
                () = &mut work => break,
                event = stream.next(), if outcome.is_ok() => match event {
                    Some(Ok(message)) => self.keep(&message, next),
                    Some(Err(error)) => outcome = self.endure(error).await,
                    None => tokio::time::sleep(PAUSE).await,
                },
            }
        }
        self.consumer.context().resume(&self.consumer);
        outcome
    }

    /// A broker that is away, a topic that is not there yet: librdkafka tries again by itself.
    async fn endure(&self, error: KafkaError) -> Result<(), Fatal> {
        if matches!(error, KafkaError::MessageConsumptionFatal(_)) {
            return Err(Fatal(error));
        }
        self.consumer.context().trouble(&self.subscription.group, &error);
        tokio::time::sleep(PAUSE).await;
        Ok(())
    }

    /// Notes that everything up to the batch's end is served; librdkafka sends it to the broker by itself. For a
    /// partition that was taken from us meanwhile it refuses, and its present member serves the batch again.
    fn store(&self, batch: &Batch) {
        let mut offsets = TopicPartitionList::new();
        let noted: KafkaResult<()> = batch.ends().into_iter().try_for_each(|((topic, partition), end)| {
            offsets.add_partition_offset(topic, partition, Offset::Offset(end))
        });
        if let Err(error) = noted.and_then(|()| self.consumer.store_offsets(&offsets)) {
            tracing::debug!(group = self.subscription.group, %error, "offsets were not stored");
        }
    }

    /// Commits what is stored and leaves the group.
    async fn leave(self) {
        let consumer = self.consumer;
        let (farewell, left) = oneshot::channel();
        // A thread that the runtime does not wait for at its end: without a broker this can take long.
        std::thread::spawn(move || {
            // The look at the lag may still hold it for a moment.
            while Arc::strong_count(&consumer) > 1 {
                std::thread::sleep(Duration::from_millis(5));
            }
            drop(consumer);
            let _ = farewell.send(());
        });
        if tokio::time::timeout(LEAVE_LIMIT, left).await.is_err() {
            tracing::warn!(
                group = self.subscription.group,
                "left the group without a farewell: Kafka does not answer"
            );
        }
    }
}
