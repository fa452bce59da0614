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

/// How long nothing is accepted after no descriptor was left.
const PAUSE: Duration = Duration::from_millis(100);

/// Where connections come in.
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
    /// What keeps newcomers waiting at the moment; logged once at its beginning and once at its end.
    trouble: Option<&'static str>,
}

impl<A: Answering> Door<A> {
    /// A door at this listener.
    pub fn new(listener: TcpListener, answering: A, limits: Limits, closing: Closing) -> Self {
        describe_gauge!("wallet_http_connections", "Connections that clients hold at a port");
        describe_counter!(
            "wallet_http_connections_closed_total",
            "Connections that a limit has ended: of a head, of idleness, of an answer that was not read, of their number"
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
            trouble: None,
        }
    }

    /// Serves until the door is closed and every connection has ended.
    pub async fn run(mut self) {
        let closed = self.closing.closed.clone();
        let _ = closed.run_until_cancelled(self.accept_all()).await;
        self.accept_what_waits();
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
                Err(error) if is_peers(&error) => {}
                Err(error) => {
                    self.is_troubled("no descriptor is left for them", &error.to_string());
                    self.registry.evict();
                    sleep(PAUSE).await;
                }
            }
        }
    }

    /// A connection whose handshake is done has been promised an answer.
    fn accept_what_waits(&mut self) {
        while let Some(newcomer) =
            self.newcomer.take().or_else(|| self.listener.accept().now_or_never()?.ok())
        {
            let Ok(permit) = Arc::clone(&self.places).try_acquire_owned() else { break };
            self.newcomer = Some(newcomer);
            self.start(permit);
        }
    }

    /// A place for one more connection: where all are taken, that of the connection which has been idle the longest.
    async fn permit(&mut self) -> OwnedSemaphorePermit {
        if let Ok(permit) = Arc::clone(&self.places).try_acquire_owned() {
            self.is_well();
            return permit;
        }
        loop {
            if !self.registry.evict() {
                let max = self.limits.connections_max;
                self.is_troubled("all places are busy", &format!("{max} connections"));
            }
            // The place is free when the other connection's task has ended.
            if let Ok(Ok(permit)) = timeout(PAUSE, Arc::clone(&self.places).acquire_owned()).await {
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

    fn is_troubled(&mut self, trouble: &'static str, detail: &str) {
        if self.trouble.replace(trouble).is_none() {
            warn!(detail, "new connections wait: {trouble}");
        }
    }

    fn is_well(&mut self) {
        if self.trouble.take().is_some() {
            info!("new connections are accepted again");
        }
    }
}

/// Whether the error is about the connection that was to be accepted, which its peer has given up.
fn is_peers(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}
