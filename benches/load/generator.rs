//! The load generator: one thread, one task for each connection.

use std::{
    cell::RefCell,
    io,
    net::SocketAddr,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use tokio::{sync::Semaphore, task::JoinSet};

use super::{
    connection::Connection,
    measure::{Measurement, Recorder},
    request::Workload,
};

/// How long after its end an open loop may still send what was due before it; what is left then counts as unanswered.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);

/// A load: which requests, over how many connections, for how long.
pub struct Load {
    pub host: SocketAddr,
    pub workload: Workload,
    pub connections: usize,
    pub length: Duration,
    pub expected_status: u16,
    /// Requests a second, whether or not answers come; none: each connection waits for its answer and sends the next.
    pub rate: Option<f64>,
}

/// What the connections share.
struct Shared {
    load: Load,
    start: Instant,
    recorder: RefCell<Recorder>,
    /// Open loop: the requests that are due and not taken yet, and how many have been taken.
    due: Arc<Semaphore>,
    taken: Arc<AtomicU64>,
}

/// Offers the load and waits for the last answer. Must run within a `LocalSet`.
pub async fn offer(load: Load) -> Result<Measurement> {
    let mut connections = Vec::new();
    for _ in 0..load.connections {
        connections.push(Connection::open(load.host).await.context("cannot connect to the service")?);
    }
    let start = Instant::now();
    let recorder = RefCell::new(Recorder::new(load.expected_status, start, load.length)?);
    let due = Arc::new(Semaphore::new(0));
    let taken = Arc::new(AtomicU64::new(0));
    let pacer = load.rate.map(|rate| Pacer::start(due.clone(), taken.clone(), start, load.length, rate));
    let shared = Rc::new(Shared { load, start, recorder, due, taken });

    let mut tasks = JoinSet::new();
    for connection in connections {
        let shared = shared.clone();
        tasks.spawn_local(async move {
            match shared.load.rate {
                None => shared.closed_loop(connection).await,
                Some(rate) => shared.open_loop(connection, rate).await,
            }
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended?;
    }
    drop(pacer);
    let shared = Rc::into_inner(shared).context("a connection is still at work")?;
    let mut recorder = shared.recorder.into_inner();
    if let Some(rate) = shared.load.rate {
        recorder.broken(requests_of(shared.load.length, rate) - shared.taken.load(Ordering::Relaxed));
    }
    Ok(recorder.finish())
}

impl Shared {
    async fn closed_loop(&self, mut connection: Connection) {
        let mut request = Vec::new();
        loop {
            let now = Instant::now();
            if now >= self.start + self.load.length {
                return;
            }
            if self.one(&mut connection, &mut request, now).await.is_err() {
                return;
            }
        }
    }

    /// The latency is counted from the moment at which the request was due, not from the one at which it could be sent:
    /// a server that stops for a second delays all requests of that second.
    async fn open_loop(&self, mut connection: Connection, rate: f64) {
        let mut request = Vec::new();
        while let Ok(permit) = self.due.acquire().await {
            permit.forget();
            let number = self.taken.fetch_add(1, Ordering::Relaxed);
            let intended = self.start + Duration::from_secs_f64(number as f64 / rate);
            if self.one(&mut connection, &mut request, intended).await.is_err() {
                return;
            }
        }
    }

    /// Sends the next request. A broken connection is replaced; an error means that it could not be.
    async fn one(
        &self,
        connection: &mut Connection,
        request: &mut Vec<u8>,
        since: Instant,
    ) -> io::Result<()> {
        self.load.workload.next(request);
        match connection.exchange(request).await {
            Ok(answer) => self.recorder.borrow_mut().answered(answer.status, since),
            Err(_) => {
                self.recorder.borrow_mut().broken(1);
                *connection = Connection::open(self.load.host).await?;
            }
        }
        Ok(())
    }
}

/// How many requests an open loop sends in all.
fn requests_of(length: Duration, rate: f64) -> u64 {
    (length.as_secs_f64() * rate) as u64
}

/// Says when requests are due. A thread of its own, because the timers of the runtime are a millisecond coarse.
struct Pacer {
    stop: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Pacer {
    fn start(
        due: Arc<Semaphore>,
        taken: Arc<AtomicU64>,
        start: Instant,
        length: Duration,
        rate: f64,
    ) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = std::thread::spawn(move || {
            let total = requests_of(length, rate);
            let mut issued = 0;
            while issued < total && !stopped.load(Ordering::Relaxed) {
                let so_far = ((start.elapsed().as_secs_f64() * rate) as u64 + 1).min(total);
                due.add_permits((so_far - issued) as usize);
                issued = so_far;
                let next = start + Duration::from_secs_f64(issued as f64 / rate);
                std::thread::sleep(next.saturating_duration_since(Instant::now()));
            }
            // Requests that are due are still sent, up to a timeout; then the tasks are stopped. (Stopping them at once
            // would drop requests of a task that has not run yet.)
            let patience = start + length + DRAIN_TIMEOUT;
            let is_left = || taken.load(Ordering::Relaxed) < total && Instant::now() < patience;
            while is_left() && !stopped.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(1));
            }
            due.close();
        });
        Self { stop, thread: Some(thread) }
    }
}

impl Drop for Pacer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A pacer that panicked has left requests unsent, and the counts show it.
            let _ended = thread.join();
        }
    }
}
