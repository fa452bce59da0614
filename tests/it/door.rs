//! The door, over real sockets: connections that send nothing, half of something or read nothing cost little and end, and keep
//! nobody out.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, Response, body::Incoming};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::JoinHandle,
    time::timeout,
};
use wallet::door::{Answering, Closing, Door, Limits};

use super::support::{
    raw::{WAIT_TIMEOUT, answer, rest},
    wait::until,
};

const GET: &str = "GET / HTTP/1.1\r\nhost: door\r\n\r\n";

/// Answers each request with the same body; a path `/wait` once it is let go on.
#[derive(Clone)]
struct Echo {
    body: Bytes,
    asked: Arc<AtomicUsize>,
    go_on: Arc<Semaphore>,
}

impl Answering for Echo {
    type Body = Full<Bytes>;

    async fn answer(&self, request: Request<Incoming>, _: SocketAddr) -> Response<Full<Bytes>> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        if request.uri().path() == "/wait" {
            self.go_on.acquire().await.expect("to be let go on").forget();
        }
        Response::new(Full::new(self.body.clone()))
    }
}

struct Opened {
    address: SocketAddr,
    closing: Closing,
    echo: Echo,
    run: JoinHandle<()>,
}

impl Opened {
    async fn new(limits: Limits, body: impl Into<Bytes>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("its address");
        let closing = Closing::default();
        let echo = Echo { body: body.into(), asked: Arc::default(), go_on: Arc::new(Semaphore::new(0)) };
        let door = Door::new(listener, echo.clone(), limits, closing.clone());
        Self { address, closing, echo, run: tokio::spawn(door.run()) }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.expect("a connection")
    }

    /// A connection that has sent this.
    async fn sent(&self, text: &str) -> TcpStream {
        let mut stream = self.connect().await;
        stream.write_all(text.as_bytes()).await.expect("sent");
        stream
    }

    async fn is_asked(&self, times: usize) {
        let asked = || (self.echo.asked.load(Ordering::Relaxed) >= times).then_some(());
        until("the request is read", WAIT_TIMEOUT, async || asked()).await;
    }
}

/// Limits that end soon; everything in a test that must not end takes another one.
fn limits() -> Limits {
    Limits {
        connections_max: 100,
        head: WAIT_TIMEOUT,
        idle: WAIT_TIMEOUT,
        write: WAIT_TIMEOUT,
        head_bytes_max: 32 * 1024,
    }
}

const SOON: Duration = Duration::from_millis(200);

#[tokio::test]
async fn a_connection_that_sends_no_head_or_half_of_one_is_closed() {
    let door = Opened::new(Limits { head: SOON, ..limits() }, "ok").await;
    for sent in ["", "GET", "GET / HTTP/1.1\r\nhost: door\r\n"] {
        assert_eq!(rest(&mut door.sent(sent).await).await, "", "{sent:?}");
    }
    // The head's limit holds for a later request, too, from its first byte.
    let mut stream = door.sent(GET).await;
    answer(&mut stream).await;
    stream.write_all(b"GET / HT").await.expect("sent");
    assert_eq!(rest(&mut stream).await, "");
    assert_eq!(door.echo.asked.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_connection_that_is_idle_for_too_long_is_closed_and_one_that_is_used_stays() {
    let door = Opened::new(Limits { idle: SOON, ..limits() }, "ok").await;
    let mut stream = door.sent(GET).await;
    for _ in 0..4 {
        assert!(answer(&mut stream).await.ends_with("ok"));
        tokio::time::sleep(SOON / 4).await;
        stream.write_all(GET.as_bytes()).await.expect("sent");
    }
    assert!(answer(&mut stream).await.ends_with("ok"));
    assert_eq!(rest(&mut stream).await, "");
}

#[tokio::test]
async fn an_answer_that_nobody_reads_is_given_up_and_one_that_is_read_slowly_is_not() {
    let body = vec![b'x'; 64 << 20];
    let door = Opened::new(Limits { write: SOON * 2, ..limits() }, body).await;
    let mut stream = door.sent(GET).await;
    let mut part = vec![0; 1 << 18];
    for _ in 0..6 {
        stream.read_exact(&mut part).await.expect("a part of the answer");
        tokio::time::sleep(SOON / 2).await;
    }
    // From here on nothing is read, until the server has given up.
    tokio::time::sleep(SOON * 6).await;
    let mut seen = 6 * part.len();
    while let Ok(read @ 1..) = timeout(WAIT_TIMEOUT, stream.read(&mut part)).await.expect("an end") {
        seen += read;
    }
    assert!(seen < 64 << 20, "the whole answer came");
}

#[tokio::test]
async fn a_head_beyond_its_limit_is_refused() {
    let door = Opened::new(limits(), "ok").await;
    let head = format!("GET / HTTP/1.1\r\nhost: door\r\nx: {}\r\n\r\n", "y".repeat(40 * 1024));
    assert!(rest(&mut door.sent(&head).await).await.starts_with("HTTP/1.1 431 "));
    let head = format!("GET / HTTP/1.1\r\nhost: door\r\nx: {}\r\n\r\n", "y".repeat(20 * 1024));
    assert!(answer(&mut door.sent(&head).await).await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn silent_connections_keep_nobody_out() {
    let door = Opened::new(Limits { connections_max: 8, ..limits() }, "ok").await;
    let mut silent = Vec::new();
    for sent in ["", "GET / HTTP/1.1\r\nhost:", GET].iter().cycle().take(40) {
        silent.push(door.sent(sent).await);
    }
    let mut newcomer = door.sent(GET).await;
    assert!(answer(&mut newcomer).await.ends_with("ok"));
}

#[tokio::test]
async fn connections_whose_request_is_being_answered_make_room_for_nobody() {
    let door = Opened::new(Limits { connections_max: 2, ..limits() }, "ok").await;
    let wait = GET.replace(" / ", " /wait ");
    let mut busy = [door.sent(&wait).await, door.sent(&wait).await];
    door.is_asked(2).await;
    let mut newcomer = door.sent(GET).await;
    assert!(timeout(SOON, newcomer.read_u8()).await.is_err(), "the newcomer waits");
    door.echo.go_on.add_permits(2);
    for stream in &mut busy {
        assert!(answer(stream).await.ends_with("ok"));
    }
    assert!(answer(&mut newcomer).await.ends_with("ok"));
}

#[tokio::test]
async fn until_the_door_is_closed_answers_say_that_it_will_be() {
    let door = Opened::new(limits(), "ok").await;
    let mut kept = door.sent(GET).await;
    assert!(!answer(&mut kept).await.contains("connection: close"));
    door.closing.announced.cancel();
    kept.write_all(GET.as_bytes()).await.expect("sent");
    for stream in [&mut kept, &mut door.sent(GET).await] {
        let last = rest(stream).await;
        assert!(last.starts_with("HTTP/1.1 200 ") && last.contains("connection: close"), "{last}");
    }
}

#[tokio::test]
async fn a_door_closes_after_what_it_has_read_and_half_a_head_does_not_hold_it_up() {
    let door = Opened::new(limits(), "ok").await;
    let mut busy = door.sent(&GET.replace(" / ", " /wait ")).await;
    door.is_asked(1).await;
    let mut idle = door.sent(GET).await;
    answer(&mut idle).await;
    let (mut silent, mut half) = (door.connect().await, door.sent("GET / HTT").await);
    door.closing.announced.cancel();
    door.closing.closed.cancel();
    for stream in [&mut idle, &mut silent, &mut half] {
        assert_eq!(rest(stream).await, "");
    }
    assert!(!door.run.is_finished());
    door.echo.go_on.add_permits(1);
    assert!(rest(&mut busy).await.ends_with("ok"));
    timeout(WAIT_TIMEOUT, door.run).await.expect("in time").expect("its end");
}

#[tokio::test]
async fn what_a_client_began_to_send_as_the_door_closed_is_answered() {
    let door = Opened::new(limits(), "ok").await;
    let mut streams = Vec::new();
    for _ in 0..20 {
        streams.push(door.connect().await);
    }
    door.closing.announced.cancel();
    door.closing.closed.cancel();
    for stream in &mut streams {
        stream.write_all(GET.as_bytes()).await.expect("sent");
    }
    for stream in &mut streams {
        let last = rest(stream).await;
        assert!(last.ends_with("ok") && last.contains("connection: close"), "{last:?}");
    }
    assert!(TcpStream::connect(door.address).await.is_err(), "nothing more is accepted");
}

#[tokio::test]
async fn a_door_that_is_abandoned_waits_for_nobody() {
    let door = Opened::new(limits(), "ok").await;
    let mut busy = door.sent(&GET.replace(" / ", " /wait ")).await;
    door.is_asked(1).await;
    door.closing.closed.cancel();
    door.closing.abandoned.cancel();
    assert_eq!(rest(&mut busy).await, "");
    timeout(WAIT_TIMEOUT, door.run).await.expect("in time").expect("its end");
}
