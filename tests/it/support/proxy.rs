//! A proxy before Postgres that can be cut: at a commit, or for every connection at once and silently.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

/// The text of a commit, at the end of a message.
const COMMIT: &[u8] = b"commit\0";

/// A proxy on 127.0.0.1; it accepts no more connections when it is dropped.
pub struct Proxy {
    /// Its address: `127.0.0.1:port`.
    pub address: String,
    cuts: Arc<Cuts>,
    accepting: JoinHandle<()>,
}

/// What is cut.
#[derive(Default)]
struct Cuts {
    muted: Mutex<CancellationToken>,
    /// The next commit does not reach the server, nor do any later bytes.
    freezes: AtomicBool,
    is_frozen: AtomicBool,
    /// The next commit does not reach the server; its connection ends.
    cuts_next: AtomicBool,
    /// Cuts one of this number of commits; 0: none.
    every: AtomicUsize,
    commits: AtomicUsize,
}

impl Proxy {
    /// A proxy in front of the server of a database, and the database's URL by way of it.
    pub async fn to_database(url: &str) -> (Self, String) {
        let (rest, database) = url.rsplit_once('/').expect("a database");
        let (login, server) = rest.rsplit_once('@').expect("a server");
        let proxy = Self::start(server).await;
        let url = format!("{login}@{}/{database}", proxy.address);
        (proxy, url)
    }

    /// A proxy in front of `target`, which is `host:port`.
    pub async fn start(target: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("its address").to_string();
        let cuts = Arc::new(Cuts::default());
        let accepting = tokio::spawn({
            let (target, cuts) = (target.to_owned(), Arc::clone(&cuts));
            async move {
                while let Ok((client, _)) = listener.accept().await {
                    tokio::spawn(pass(client, target.clone(), Arc::clone(&cuts)));
                }
            }
        });
        Self { address, cuts, accepting }
    }

    /// Drops all bytes of the present connections from now on, as when the server's machine has lost its power or a firewall
    /// has dropped their state. New ones work.
    pub fn mute(&self) {
        self.cuts.mute();
    }

    /// Drops all bytes from the next commit on, of new connections too.
    pub fn freeze_at_a_commit(&self) {
        self.cuts.freezes.store(true, Ordering::Relaxed);
    }

    /// Ends the connection of the next commit, before that reaches the server.
    pub fn cut_before_the_next_commit(&self) {
        self.cuts.cuts_next.store(true, Ordering::Relaxed);
    }

    /// Ends a connection at one of this number of commits, alternately before the commit reaches the server and after it,
    /// unanswered. Returns how many were cut so far; 0 ends it.
    pub fn cut_commits(&self, every: usize) -> usize {
        let was = self.cuts.every.swap(every, Ordering::Relaxed);
        self.cuts.commits.load(Ordering::Relaxed).checked_div(was).unwrap_or(0)
    }
}

/// What is done with a commit.
enum Fate {
    Passes,
    Freezes,
    IsCutBefore,
    IsCutAfter,
}

impl Cuts {
    fn mute(&self) {
        std::mem::take(&mut *self.muted.lock().unwrap()).cancel();
    }

    fn fate(&self, sent: &[u8]) -> Fate {
        if sent.ends_with(COMMIT) && self.freezes.swap(false, Ordering::Relaxed) {
            self.is_frozen.store(true, Ordering::Relaxed);
            return Fate::Freezes;
        }
        if sent.ends_with(COMMIT) && self.cuts_next.swap(false, Ordering::Relaxed) {
            return Fate::IsCutBefore;
        }
        let every = self.every.load(Ordering::Relaxed);
        if every == 0 || !sent.ends_with(COMMIT) {
            return Fate::Passes;
        }
        let commit = self.commits.fetch_add(1, Ordering::Relaxed) + 1;
        match (commit % every, commit / every % 2) {
            (0, 0) => Fate::IsCutBefore,
            (0, _) => Fate::IsCutAfter,
            _ => Fate::Passes,
        }
    }
}

async fn pass(client: TcpStream, target: String, cuts: Arc<Cuts>) {
    if cuts.is_frozen.load(Ordering::Relaxed) {
        return std::future::pending().await;
    }
    let muted = cuts.muted.lock().unwrap().clone();
    let Ok(server) = TcpStream::connect(target).await else { return };
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    // A commit that is cut after it took place is detected by the task that forwards the answers.
    let hold = CancellationToken::new();
    let answers = async {
        tokio::select! {
            _ = copy(&mut from_server, &mut to_client) => {}
            () = hold.cancelled() => std::future::pending().await,
        }
    };
    let passing = async {
        tokio::select! {
            () = answers => {}
            () = carry(&mut from_client, &mut to_server, &cuts, &hold) => {}
        }
    };
    tokio::select! {
        () = passing => {
            if hold.is_cancelled() {
                // The server's answer means that it is done; it is not forwarded.
                let _ = from_server.read(&mut [0; 64]).await;
            }
        }
        // The server notices by its keepalives; the client receives no more bytes.
        () = muted.cancelled() => {
            drop((from_server, to_server));
            std::future::pending().await
        }
    }
}

/// Forwards the client's bytes, until a commit is cut.
async fn carry(
    from_client: &mut OwnedReadHalf,
    to_server: &mut OwnedWriteHalf,
    cuts: &Cuts,
    hold: &CancellationToken,
) {
    let mut buffer = vec![0; 1 << 16];
    while let Ok(read @ 1..) = from_client.read(&mut buffer).await {
        let sent = &buffer[..read];
        let fate = cuts.fate(sent);
        if let Fate::Freezes = fate {
            cuts.mute();
            return std::future::pending().await;
        }
        if let Fate::IsCutBefore = fate {
            return;
        }
        if let Fate::IsCutAfter = fate {
            hold.cancel();
        }
        if to_server.write_all(sent).await.is_err() || hold.is_cancelled() {
            return;
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}
