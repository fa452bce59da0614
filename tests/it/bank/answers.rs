//! What the client makes of answers that no bank should give, and of none.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use poem::{
    Endpoint, Request, Response, Server,
    http::StatusCode,
    listener::{Acceptor, Listener, TcpListener},
};
use wallet::{
    adapters::bank::{BankSettings, HttpBank},
    config::Secret,
    payouts::{Bank, BankError, BankStatus},
    simulated_bank::Mode,
};

use super::{TOKEN, client, client_within, payment_to, report, settings, start};
use crate::support::process::free_port;

/// Answers each request as it is set to.
#[derive(Clone)]
struct Scripted {
    base: String,
    answer: Arc<Mutex<(StatusCode, String)>>,
    requests: Arc<AtomicUsize>,
}

impl Scripted {
    async fn start() -> Self {
        let acceptor = TcpListener::bind("127.0.0.1:0").into_acceptor().await.expect("a port");
        let port = acceptor.local_addr().remove(0).as_socket_addr().expect("an address").port();
        let base = format!("http://127.0.0.1:{port}");
        let scripted = Self { base, answer: Arc::default(), requests: Arc::default() };
        tokio::spawn(Server::new_with_acceptor(acceptor).run(scripted.clone()));
        scripted
    }

    fn set(&self, status: u16, body: &str) {
        let status = StatusCode::from_u16(status).expect("a status");
        *self.answer.lock().unwrap() = (status, body.to_owned());
        self.requests.store(0, Ordering::Relaxed);
    }
}

impl Endpoint for Scripted {
    type Output = Response;

    async fn call(&self, _: Request) -> poem::Result<Response> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let (status, body) = self.answer.lock().unwrap().clone();
        // To itself, so that a redirect that is followed is counted.
        let location = format!("{}/payouts", self.base);
        Ok(Response::builder().status(status).header("Location", location).body(body))
    }
}

/// The kind of an error, whose text must hold no secret and no account.
fn kind<T>(outcome: Result<T, BankError>) -> &'static str {
    let Err(error) = outcome else { return "answer" };
    let text = error.to_string();
    assert!(!text.contains("hush") && !text.contains("777777") && !text.contains("Ada"), "{text}");
    match error {
        BankError::NotSent(_) => "not sent",
        BankError::Unknown(_) => "unknown",
        BankError::Refused(_) => "refused",
    }
}

#[tokio::test]
async fn each_status_says_what_the_contract_says() {
    let server = Scripted::start().await;
    let client = client(&server.base);
    let found = payment_to("3000");
    let settled = format!(r#"{{"id":"{}","amount":1250,"status":"settled","reason":null}}"#, found.id);
    let not_found = r#"{"code":"payout_not_found","message":"no such payout"}"#;
    for (status, body, submitted, asked) in [
        (200, settled.as_str(), "answer", "answer"),
        (201, &settled, "answer", "refused"),
        (202, &settled, "answer", "refused"),
        (204, "", "refused", "refused"),
        (302, &settled, "refused", "refused"),
        (307, &settled, "refused", "refused"),
        (400, "hush", "refused", "refused"),
        (401, "", "refused", "refused"),
        (403, "", "refused", "refused"),
        (404, not_found, "refused", "answer"),
        (404, "", "refused", "refused"),
        (404, r#"{"code":"route_not_found"}"#, "refused", "refused"),
        (404, "<html>payout_not_found</html>", "refused", "refused"),
        (408, "", "unknown", "refused"),
        (409, "", "refused", "refused"),
        (429, "", "refused", "refused"),
        (500, &settled, "unknown", "refused"),
        (503, "", "unknown", "refused"),
        (200, "", "unknown", "unknown"),
        (200, "hush", "unknown", "unknown"),
        (200, &settled.replace("settled", "hush"), "unknown", "unknown"),
        (200, &settled.replace(&found.id.to_string(), &payment_to("1").id.to_string()), "unknown", "unknown"),
        (200, &format!("{settled}{}", " ".repeat(70_000)), "unknown", "unknown"),
    ] {
        server.set(status, body);
        assert_eq!(kind(client.submit(&found).await), submitted, "{status} {body:.80}");
        assert_eq!(kind(client.find(found.id).await), asked, "{status} {body:.80}");
        assert_eq!(server.requests.load(Ordering::Relaxed), 2, "{status}: each request is sent once");
    }
}

#[tokio::test]
async fn only_a_connection_that_was_not_made_has_surely_sent_nothing() {
    let payment = payment_to("3000");
    for base in [format!("http://127.0.0.1:{}", free_port()), "http://no-such-host.invalid".to_owned()] {
        let client = client(&base);
        assert_eq!(kind(client.submit(&payment).await), "not sent", "{base}");
        assert_eq!(kind(client.find(payment.id).await), "not sent", "{base}");
    }
    // It accepts, and says nothing.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let base = format!("http://{}", silent.local_addr().expect("an address"));
    let client = client_within(&base, Duration::from_millis(200));
    assert_eq!(kind(client.submit(&payment).await), "unknown");
    assert_eq!(kind(client.find(payment.id).await), "unknown");
}

#[tokio::test]
async fn a_bank_goes_down_and_comes_back_at_its_address() {
    let bank = start(settings()).await;
    let client = client(bank.base());
    let payment = payment_to("3000");
    assert_eq!(client.find(payment.id).await, Ok(None));
    for _ in 0..2 {
        bank.set_mode(Mode::Down).await;
        assert_eq!(kind(client.submit(&payment).await), "not sent");
        bank.set_mode(Mode::Up).await;
        assert_eq!(client.submit(&payment).await, Ok(report(BankStatus::Settled)));
    }
    bank.set_latency(Duration::from_millis(500));
    assert_eq!(
        kind(client_within(bank.base(), Duration::from_millis(100)).find(payment.id).await),
        "unknown"
    );
    bank.set_latency(Duration::ZERO);
    assert_eq!(kind(client.find(payment.id).await), "answer");
}

#[tokio::test]
async fn a_wrong_token_is_refused_and_pays_nothing() {
    let bank = start(settings()).await;
    let wrong = Secret::new(format!("{TOKEN}r"));
    let client = HttpBank::try_new(BankSettings::new(bank.base().to_owned(), wrong)).expect("a client");
    let payment = payment_to("3000");
    assert_eq!(client.submit(&payment).await, Err(BankError::Refused("401 Unauthorized".to_owned())));
    assert_eq!(kind(client.find(payment.id).await), "refused");
    assert!(bank.entries().is_empty());
}
