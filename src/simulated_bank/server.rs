//! The bank as a server.

use std::{io, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use poem::Server;
use thiserror::Error;
use tokio::{sync::watch, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use tracing::error;

use super::{
    book::Book,
    callbacks::{CallbackSettings, Callbacks},
    connections::{ModalAcceptor, Mode, OpenConnections},
    http::{self, Shared},
    payment::BookEntry,
    service::PaymentService,
};
use crate::kernel::clock::Clock;

/// How long a stop waits for answers that are under way.
const STOP_TIMEOUT: Duration = Duration::from_secs(1);

/// The settings of the bank.
#[derive(Clone)]
pub struct SimulatedBankSettings {
    /// Where it listens; port 0 picks a free one.
    pub address: SocketAddr,
    /// The token that each request must carry.
    pub token: String,
    /// None: no callbacks.
    pub callbacks: Option<CallbackSettings>,
    /// The file of the book; none: in memory only.
    pub book: Option<PathBuf>,
    /// Before each answer about a payment.
    pub latency: Duration,
    /// What signatures of callbacks are dated by.
    pub clock: Arc<dyn Clock>,
}

/// The bank cannot start.
#[derive(Debug, Error)]
pub enum StartError {
    #[error("the bank cannot listen on {address}: {cause}")]
    Address { address: SocketAddr, cause: io::Error },
    #[error("the bank's book {} cannot be read: {cause}", .path.display())]
    Book { path: PathBuf, cause: io::Error },
    #[error("the bank cannot send callbacks: {0}")]
    Callbacks(String),
}

/// A running bank; it stops when this is dropped.
pub struct SimulatedBank {
    base: String,
    service: Arc<PaymentService>,
    wanted: watch::Sender<Mode>,
    actual: watch::Receiver<Mode>,
    stopping: CancellationToken,
    served: Option<JoinHandle<()>>,
}

impl SimulatedBank {
    /// Starts a bank; it listens when this returns.
    pub async fn start(settings: SimulatedBankSettings) -> Result<Self, StartError> {
        let SimulatedBankSettings { address, token, callbacks, book, latency, clock } = settings;
        let book = match book {
            Some(path) => Book::open(&path).map_err(|cause| StartError::Book { path, cause })?,
            None => Book::default(),
        };
        let callbacks = callbacks.map(|settings| Callbacks::try_new(settings, clock)).transpose();
        let callbacks = callbacks.map_err(StartError::Callbacks)?;
        let (wanted, to_follow) = watch::channel(Mode::Up);
        let (followed, actual) = watch::channel(Mode::Up);
        let open = Arc::new(OpenConnections::default());
        let acceptor = ModalAcceptor::bind(address, to_follow, followed, Arc::clone(&open))
            .await
            .map_err(|cause| StartError::Address { address, cause })?;
        let base = format!("http://{}", acceptor.address());
        let stopping = CancellationToken::new();
        let service = PaymentService::start(book, callbacks, latency, stopping.clone());
        let endpoint = http::endpoint(Shared {
            service: Arc::clone(&service),
            open,
            authorization: format!("Bearer {token}").into(),
        });
        let stop = stopping.clone().cancelled_owned();
        let served = tokio::spawn(async move {
            let server = Server::new_with_acceptor(acceptor);
            if let Err(cause) = server.run_with_graceful_shutdown(endpoint, stop, Some(STOP_TIMEOUT)).await {
                error!(%cause, "the bank's server has ended");
            }
        });
        Ok(Self { base, service, wanted, actual, stopping, served: Some(served) })
    }

    /// `http://host:port`
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Every payment of the book, in the order of the ids.
    #[must_use]
    pub fn entries(&self) -> Vec<BookEntry> {
        self.service.entries()
    }

    /// Opens or closes the port; returns when that is done.
    pub async fn set_mode(&self, mode: Mode) {
        self.wanted.send_replace(mode);
        // An error means that the bank has stopped.
        let _ = self.actual.clone().wait_for(|actual| *actual == mode).await;
    }

    /// How long each answer about a payment takes from now on.
    pub fn set_latency(&self, latency: Duration) {
        self.service.set_latency(latency);
    }

    /// Answers what is under way, for a second at most, and ends; callbacks that were not taken are lost.
    pub async fn stop(mut self) {
        self.stopping.cancel();
        if let Some(served) = self.served.take() {
            // An error is a panic, which the log has.
            let _ = served.await;
        }
        self.service.join().await;
    }
}

impl Drop for SimulatedBank {
    fn drop(&mut self) {
        self.stopping.cancel();
    }
}
