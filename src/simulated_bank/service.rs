//! Takes payments, and carries out what their accounts ask for.

use std::{
    io,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::time::sleep;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::warn;
use uuid::Uuid;

use super::{
    behaviour::{Behaviour, FollowUp},
    book::Book,
    callbacks::{Callbacks, Message},
    payment::{Answer, BookEntry, Instruction, Payment, Status},
};

/// What became of a submission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Submitted {
    /// Taken by this submission, or answered without being stored.
    Taken(Answer, Behaviour),
    /// Taken before.
    Repeated(Answer),
    /// A failure of the bank's own: nothing was done.
    Failed,
    /// The id belongs to another payment.
    Differs,
}

/// The bank behind its HTTP server.
pub struct PaymentService {
    book: Mutex<Book>,
    callbacks: Option<Callbacks>,
    /// Milliseconds before each answer.
    latency: AtomicU64,
    stopping: CancellationToken,
    tasks: TaskTracker,
}

impl PaymentService {
    /// A service with this book; what the book has pending goes on.
    pub fn start(
        book: Book,
        callbacks: Option<Callbacks>,
        latency: Duration,
        stopping: CancellationToken,
    ) -> Arc<Self> {
        let entries = book.entries();
        let service = Arc::new(Self {
            book: Mutex::new(book),
            callbacks,
            latency: AtomicU64::new(0),
            stopping,
            tasks: TaskTracker::new(),
        });
        service.set_latency(latency);
        for entry in entries {
            if let Some(next) = Behaviour::of(&entry.account_last4).follow_up()
                && next.from == entry.status
            {
                service.schedule(entry.id, next);
            }
        }
        service
    }

    /// Takes a payment, once for each id.
    pub fn submit(self: &Arc<Self>, instruction: &Instruction) -> io::Result<Submitted> {
        let behaviour = Behaviour::of(instruction.account_last4());
        let fingerprint = instruction.fingerprint();
        let mut book = self.book();
        let prior = book.get(instruction.id).cloned();
        if prior.as_ref().is_some_and(|prior| prior.fingerprint != fingerprint) {
            return Ok(Submitted::Differs);
        }
        let submissions = prior.as_ref().map_or(0, |prior| prior.entry.submissions).saturating_add(1);
        if let Some(mut payment) = prior.filter(|prior| prior.entry.status != Status::Unknown) {
            payment.entry.submissions = submissions;
            let answer = payment.entry.answer();
            book.put(payment)?;
            return Ok(Submitted::Repeated(answer));
        }
        let (status, reason) = behaviour.take(submissions);
        let entry = BookEntry {
            id: instruction.id,
            amount: instruction.amount,
            currency: instruction.currency.clone(),
            account_last4: instruction.account_last4().to_owned(),
            status,
            reason: reason.map(str::to_owned),
            submissions,
        };
        let answer = entry.answer();
        book.put(Payment { entry, fingerprint })?;
        drop(book);
        match (status, behaviour) {
            (Status::Unknown, Behaviour::ForgetFirst) => {
                Ok(Submitted::Taken(Answer { status: Status::Pending, ..answer }, behaviour))
            }
            (Status::Unknown, _) => Ok(Submitted::Failed),
            _ => {
                if let Some(next) = behaviour.follow_up() {
                    self.schedule(instruction.id, next);
                }
                Ok(Submitted::Taken(answer, behaviour))
            }
        }
    }

    /// The payment of this id; none: not known, or forgotten.
    pub fn find(&self, id: Uuid) -> Option<Answer> {
        let book = self.book();
        let entry = &book.get(id)?.entry;
        (entry.status != Status::Unknown).then(|| entry.answer())
    }

    pub fn entries(&self) -> Vec<BookEntry> {
        self.book().entries()
    }

    /// Sends a callback before the answer, once, and again after it until it is taken.
    pub async fn call_back_twice(self: &Arc<Self>, answer: &Answer) {
        let (Some(callbacks), Ok(message)) = (&self.callbacks, Message::about(answer)) else { return };
        // That it was not taken is no concern of this one: it is sent again.
        let _ = callbacks.send(&message).await;
        self.deliver(message);
    }

    pub fn set_latency(&self, latency: Duration) {
        let millis = u64::try_from(latency.as_millis()).unwrap_or(u64::MAX);
        self.latency.store(millis, Ordering::Relaxed);
    }

    /// Waits as long as each answer takes.
    pub async fn lag(&self) {
        let millis = self.latency.load(Ordering::Relaxed);
        if millis > 0 {
            sleep(Duration::from_millis(millis)).await;
        }
    }

    /// Waits until every task has ended, which `stopping` asks them to.
    pub async fn join(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        // A panic while the book was locked has changed nothing by half: a payment is put at once.
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn schedule(self: &Arc<Self>, id: Uuid, next: FollowUp) {
        let service = Arc::clone(self);
        self.spawn(async move {
            sleep(next.after).await;
            match service.follow(id, next) {
                Ok(Some(answer)) => service.call_back(&answer),
                Ok(None) => {}
                Err(error) => warn!(%error, "the book cannot be written: a payment stays as it is"),
            }
        });
    }

    /// Changes a payment's status; none if it is another one than expected.
    fn follow(&self, id: Uuid, next: FollowUp) -> io::Result<Option<Answer>> {
        let mut book = self.book();
        let Some(mut payment) = book.get(id).filter(|found| found.entry.status == next.from).cloned() else {
            return Ok(None);
        };
        payment.entry.status = next.to;
        payment.entry.reason = next.reason.map(str::to_owned);
        let answer = payment.entry.answer();
        book.put(payment)?;
        Ok(Some(answer))
    }

    fn call_back(self: &Arc<Self>, answer: &Answer) {
        if let Ok(message) = Message::about(answer) {
            self.deliver(message);
        }
    }

    fn deliver(self: &Arc<Self>, message: Message) {
        let service = Arc::clone(self);
        self.spawn(async move {
            if let Some(callbacks) = &service.callbacks {
                callbacks.deliver(&message).await;
            }
        });
    }

    fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let stopping = self.stopping.clone();
        self.tasks.spawn(async move {
            tokio::select! {
                () = stopping.cancelled() => {}
                () = work => {}
            }
        });
    }
}
