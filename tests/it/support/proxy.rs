//! A way to a server that can go silent: its connections stay, and nothing comes through them any more.

use std::sync::{Arc, Mutex};

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

/// A proxy on 127.0.0.1; its connections end when it is dropped.
pub struct Proxy {
    /// Where it listens: `127.0.0.1:port`.
    pub address: String,
    muted: Arc<Mutex<CancellationToken>>,
    accepting: JoinHandle<()>,
}

impl Proxy {
    /// A proxy in front of `target`, which is `host:port`.
    pub async fn start(target: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("its address").to_string();
        let muted = Arc::new(Mutex::new(CancellationToken::new()));
        let accepting = tokio::spawn({
            let (target, muted) = (target.to_owned(), Arc::clone(&muted));
            async move {
                while let Ok((client, _)) = listener.accept().await {
                    let muted = muted.lock().unwrap().clone();
                    tokio::spawn(pass(client, target.clone(), muted));
                }
            }
        });
        Self { address, muted, accepting }
    }

    /// From now on nothing comes through the connections that there are, as when the server's machine has lost its power
    /// or a firewall has forgotten them. New ones work.
    pub fn mute(&self) {
        std::mem::take(&mut *self.muted.lock().unwrap()).cancel();
    }
}

async fn pass(mut client: TcpStream, target: String, muted: CancellationToken) {
    let Ok(mut server) = TcpStream::connect(target).await else { return };
    tokio::select! {
        _ = copy_bidirectional(&mut client, &mut server) => {}
        // The server notices by its keepalives; the client hears nothing more.
        () = muted.cancelled() => {
            drop(server);
            std::future::pending().await
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}
