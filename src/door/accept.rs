//! The loop that accepts connections.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use futures_util::FutureExt;
use metrics::{describe_counter, describe_gauge, gauge};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{sleep, timeout},
};
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use super::{
    Answering, Closing, Limits, connection,
    registry::{Known, Registry},
};

/// Delay before connections are accepted again after the descriptors have run out, or all places were taken.
const RETRY_DELAY: Duration = Duration::from_millis(100);

/// Accepts connections at one listener.
pub struct Door<A> {
    listener: TcpListener,
    answering: A,
    limits: Limits,
    closing: Closing,
    registry: Registry,
    places: Arc<Semaphore>,
    connections: TaskTracker,
    /// Accepted, and without a place yet.
    newcomer: Option<(TcpStream, SocketAddr)>,
    /// Why new connections wait at the moment; logged once at its beginning and once at its end.
    wait_reason: Option<&'static str>,
}

impl<A: Answering> Door<A> {
    /// A door at this listener.
    pub fn new(listener: TcpListener, answering: A, limits: Limits, closing: Closing) -> Self {
        describe_gauge!("wallet_http_connections", "Open connections of clients at a port");
        describe_counter!(
            "wallet_http_connections_closed_total",
            "Connections closed by a limit: a slow head, idleness, an unread response, the number of connections"
        );
        let places = Arc::new(Semaphore::new(limits.connections_max));
        let (registry, connections) = (Registry::default(), TaskTracker::new());
        Self {
            listener,
            answering,
            limits,
            closing,
            registry,
            places,
            connections,
            newcomer: None,
            wait_reason: None,
        }
    }

    /// Serves until the door is closed and every connection has ended.
    pub async fn run(mut self) {
        let closed = self.closing.closed.clone();
        let _ = closed.run_until_cancelled(self.accept_all()).await;
        self.accept_established();
        let Self { listener, connections, closing, .. } = self;
        drop(listener);
        connections.close();
        tokio::select! {
            () = connections.wait() => {}
            () = closing.abandoned.cancelled() => connections.wait().await,
        }
    }

    async fn accept_all(&mut self) {
        loop {
            match self.listener.accept().await {
                Ok(newcomer) => {
                    self.newcomer = Some(newcomer);
                    let permit = self.permit().await;
                    self.start(permit);
                }
                Err(error) if is_of_peer(&error) => {}
                Err(error) => {
                    self.log_waiting("no descriptor is left for them", &error.to_string());
                    self.registry.evict();
                    sleep(RETRY_DELAY).await;
                }
            }
        }
    }

    /// Accepts the connections that the system has already established: their clients expect an answer.
    fn accept_established(&mut self) {
        while let Some(newcomer) =
            self.newcomer.take().or_else(|| self.listener.accept().now_or_never()?.ok())
        {
            let Ok(permit) = Arc::clone(&self.places).try_acquire_owned() else { break };
            self.newcomer = Some(newcomer);
            self.start(permit);
        }
    }

    /// A permit for one more connection. If all are taken, the connection that has been idle the longest is closed.
    async fn permit(&mut self) -> OwnedSemaphorePermit {
        if let Ok(permit) = Arc::clone(&self.places).try_acquire_owned() {
            self.log_accepting();
            return permit;
        }
        loop {
            if !self.registry.evict() {
                let max = self.limits.connections_max;
                self.log_waiting("all places are busy", &format!("{max} connections"));
            }
            // The permit is free when the other connection's task has ended.
            if let Ok(Ok(permit)) = timeout(RETRY_DELAY, Arc::clone(&self.places).acquire_owned()).await {
                return permit;
            }
        }
    }

    fn start(&mut self, permit: OwnedSemaphorePermit) {
        let Some((socket, peer)) = self.newcomer.take() else { return };
        let known = Known::new(&self.closing);
        let place = self.registry.add(known.clone());
        gauge!("wallet_http_connections").set(self.registry.len() as f64);
        let (answering, limits, announced) =
            (self.answering.clone(), self.limits, self.closing.announced.clone());
        let registry = self.registry.clone();
        self.connections.spawn(async move {
            connection::serve(socket, peer, known, answering, limits, announced).await;
            drop((place, permit));
            gauge!("wallet_http_connections").set(registry.len() as f64);
        });
    }

    fn log_waiting(&mut self, reason: &'static str, detail: &str) {
        if self.wait_reason.replace(reason).is_none() {
            warn!(detail, "new connections wait: {reason}");
        }
    }

    fn log_accepting(&mut self) {
        if self.wait_reason.take().is_some() {
            info!("new connections are accepted again");
        }
    }
}

/// Whether the error concerns only the connection to accept, which its peer has closed.
fn is_of_peer(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}
