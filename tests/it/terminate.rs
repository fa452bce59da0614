//! SIGTERM: every request that the server has read is answered, what is booked is told, and the process ends.

use std::time::{Duration, Instant};

use futures_util::future::{join_all, try_join_all};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{sleep, timeout},
};
use uuid::Uuid;

use super::support::{
    app::Settings,
    books::Books,
    customer::Customer,
    load::{Load, Manner, Reply},
    process::Server,
    service::Service,
    topic::tell_the_books,
};

/// What the service has by default, and a few seconds for a busy machine.
const ENDS_WITHIN: Duration = Duration::from_secs(10 + 5);

/// A deposit whose head the server has read, and whose body is not sent yet.
struct Begun {
    stream: TcpStream,
    body: String,
}

impl Begun {
    /// The server says `100 Continue` when the request waits for its body: it has been read that far.
    async fn new(customer: &Customer) -> Self {
        let address = customer.base.trim_start_matches("http://");
        let mut stream = TcpStream::connect(address).await.expect("a connection");
        let body = json!({"amount": 1, "reference_id": Uuid::new_v4()}).to_string();
        let head = format!(
            "POST /api/v1/wallet/deposits HTTP/1.1\r\nhost: {address}\r\nauthorization: Token {}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\nexpect: 100-continue\r\n\r\n",
            customer.token,
            body.len()
        );
        stream.write_all(head.as_bytes()).await.expect("the head is sent");
        let mut first = [0; 25];
        timeout(Duration::from_secs(10), stream.read_exact(&mut first))
            .await
            .expect("in time")
            .expect("a line");
        assert_eq!(first.as_slice(), b"HTTP/1.1 100 Continue\r\n\r\n");
        Self { stream, body }
    }

    async fn send_body(&mut self) {
        self.stream.write_all(self.body.as_bytes()).await.expect("the body is sent");
    }

    /// The status of the answer and its body, read until the server ends the connection.
    async fn answer(mut self) -> (u16, Value) {
        let mut answer = String::new();
        self.stream.read_to_string(&mut answer).await.expect("an answer and an end");
        let status = answer.get(9..12).and_then(|status| status.parse().ok()).expect("a status line");
        let (_, body) = answer.split_once("\r\n\r\n").expect("a body");
        (status, serde_json::from_str(body).expect("JSON"))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_request_that_was_read_is_answered() {
    let mut service = Service::of(1, &[]).await;
    let server = &mut service.servers[0];
    let customer = Customer::enabled(&server.base).await;
    let begin = || {
        try_join_all((0..10).map(|_| {
            tokio::spawn({
                let customer = customer.clone();
                async move { Begun::new(&customer).await }
            })
        }))
    };
    let (mut at_work, mut half_sent) = (begin().await.expect("requests"), begin().await.expect("requests"));
    // Another session holds the wallet, so that those that are whole wait in the posting loop.
    let mut holder = service.db.connect().await;
    sqlx::raw_sql("begin; select from wallets for update").execute(&mut holder).await.expect("the lock");
    join_all(at_work.iter_mut().map(Begun::send_body)).await;
    sleep(Duration::from_millis(200)).await;
    server.signal("TERM");
    let since = Instant::now();
    sleep(Duration::from_millis(300)).await;
    join_all(half_sent.iter_mut().map(Begun::send_body)).await;
    sleep(Duration::from_millis(200)).await;
    sqlx::raw_sql("rollback").execute(&mut holder).await.expect("the lock is given back");
    for begun in at_work.into_iter().chain(half_sent) {
        let (status, body) = begun.answer().await;
        assert_eq!((status, &body["status"]), (201, &json!("success")), "{body}");
    }
    let status = server.ended(ENDS_WITHIN);
    assert!(status.success(), "{status}");
    println!("ended {:?} after SIGTERM", since.elapsed());
    assert_eq!(service.db.number("select available from wallets").await, 20);
    // Whatever the last words did not reach, the next server tells.
    let _next = Server::start(&service.settings);
    tell_the_books(&service.settings).await;
}

/// Nobody hangs up here but the server: what is booked was read, and what was read is answered.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_load_what_is_booked_is_answered() {
    let mut service = Service::of(1, &[]).await;
    let mut all = Vec::new();
    for moment in [150, 290] {
        let server = &mut service.servers[0];
        let load = Load::start(&server.base, 10, Manner { retries: false, ..Manner::default() }).await;
        load.goes_on(50).await;
        sleep(Duration::from_millis(moment)).await;
        server.signal("TERM");
        let status = server.ended(ENDS_WITHIN);
        assert!(status.success(), "{status}");
        all.extend(load.stop().await);
        service.servers[0] = Server::start(&service.settings);
    }
    let books = Books::read(&service.db.url).await;
    books.explain(&all);
    for asked in &all {
        if let Reply::Nothing(reason) = &asked.attempts[0].reply {
            let found: Vec<_> = books.of(asked.reference).collect();
            assert!(found.is_empty(), "booked and not answered: {reason} {asked:?} {found:?}");
        }
    }
    tell_the_books(&service.settings).await;
}

/// Whoever starts the service before its database must be able to stop it again.
#[test]
fn a_server_that_waits_for_postgres_ends_at_once() {
    let mut settings = Settings::from([("PORT".to_owned(), "0".to_owned())]);
    // Nobody listens on port 1.
    settings.insert("DATABASE_URL".to_owned(), "postgresql://wallet@127.0.0.1:1/wallet".to_owned());
    let mut server = Server::begin(&settings);
    std::thread::sleep(Duration::from_secs(1));
    server.signal("TERM");
    let status = server.ended(Duration::from_secs(5));
    assert!(status.success(), "{status}");
}
