//! Connections that can be cut from within: an answer that is lost, and a bank that is not there.

use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use poem::{
    http::uri::Scheme,
    listener::Acceptor,
    web::{LocalAddr, RemoteAddr},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::watch,
    time::sleep,
};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// How soon a port that another program holds is tried again.
const BIND_RETRY_DELAY: Duration = Duration::from_millis(50);

/// Whether the bank can be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Up,
    /// Connections are refused, and those that were open are closed.
    Down,
}

/// The open connections, by the client's address.
#[derive(Default)]
pub struct OpenConnections(Mutex<HashMap<SocketAddr, CancellationToken>>);

impl OpenConnections {
    fn with<T>(&self, change: impl FnOnce(&mut HashMap<SocketAddr, CancellationToken>) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Closes a connection without another byte.
    pub fn cut(&self, peer: SocketAddr) {
        if let Some(cut) = self.with(|open| open.remove(&peer)) {
            cut.cancel();
        }
    }

    fn cut_all(&self) {
        self.with(|open| open.drain().for_each(|(_, cut)| cut.cancel()));
    }
}

/// Accepts connections while the mode is [`Mode::Up`].
pub struct ModalAcceptor {
    address: SocketAddr,
    listener: Option<TcpListener>,
    wanted: watch::Receiver<Mode>,
    actual: watch::Sender<Mode>,
    open: Arc<OpenConnections>,
}

impl ModalAcceptor {
    /// Binds the address; port 0 picks a free one, which is kept.
    pub async fn bind(
        address: SocketAddr,
        wanted: watch::Receiver<Mode>,
        actual: watch::Sender<Mode>,
        open: Arc<OpenConnections>,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        Ok(Self { address: listener.local_addr()?, listener: Some(listener), wanted, actual, open })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Opens or closes the port as the mode asks for.
    async fn follow_mode(&mut self) {
        let wanted = *self.wanted.borrow_and_update();
        match wanted {
            Mode::Down => {
                self.listener = None;
                self.open.cut_all();
            }
            Mode::Up => {
                while self.listener.is_none() {
                    match TcpListener::bind(self.address).await {
                        Ok(listener) => self.listener = Some(listener),
                        Err(_) => sleep(BIND_RETRY_DELAY).await,
                    }
                }
            }
        }
        self.actual.send_replace(wanted);
    }

    fn opened(&self, stream: TcpStream, peer: SocketAddr) -> Cuttable {
        // An error means that the connection has ended, which shows when it is read.
        let _ = stream.set_nodelay(true);
        let cut = CancellationToken::new();
        self.open.with(|open| open.insert(peer, cut.clone()));
        Cuttable { stream, cut: Box::pin(cut.cancelled_owned()), peer, open: Arc::clone(&self.open) }
    }
}

impl Acceptor for ModalAcceptor {
    type Io = Cuttable;

    fn local_addr(&self) -> Vec<LocalAddr> {
        vec![LocalAddr(self.address.into())]
    }

    async fn accept(&mut self) -> io::Result<(Self::Io, LocalAddr, RemoteAddr, Scheme)> {
        loop {
            self.follow_mode().await;
            let mut wanted = self.wanted.clone();
            let (stream, peer) = tokio::select! {
                changed = wanted.changed() => match changed {
                    Ok(()) => continue,
                    // Without its handle the bank stays as it is until it ends.
                    Err(_) => accept(self.listener.as_ref()).await?,
                },
                accepted = accept(self.listener.as_ref()) => accepted?,
            };
            let local = LocalAddr(self.address.into());
            return Ok((self.opened(stream, peer), local, RemoteAddr(peer.into()), Scheme::HTTP));
        }
    }
}

/// The next connection; none comes without a listener.
async fn accept(listener: Option<&TcpListener>) -> io::Result<(TcpStream, SocketAddr)> {
    match listener {
        Some(listener) => listener.accept().await,
        None => std::future::pending().await,
    }
}

/// A connection that ends when it is cut.
pub struct Cuttable {
    stream: TcpStream,
    cut: Pin<Box<WaitForCancellationFutureOwned>>,
    peer: SocketAddr,
    open: Arc<OpenConnections>,
}

impl Cuttable {
    /// The stream, unless it is cut; the task is woken when it is.
    fn uncut(&mut self, context: &mut Context<'_>) -> io::Result<Pin<&mut TcpStream>> {
        if self.cut.as_mut().poll(context).is_ready() {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        Ok(Pin::new(&mut self.stream))
    }
}

impl Drop for Cuttable {
    fn drop(&mut self) {
        self.open.with(|open| open.remove(&self.peer));
    }
}

impl AsyncRead for Cuttable {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.uncut(context)?.poll_read(context, buffer)
    }
}

impl AsyncWrite for Cuttable {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.uncut(context)?.poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.uncut(context)?.poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.uncut(context)?.poll_shutdown(context)
    }
}
