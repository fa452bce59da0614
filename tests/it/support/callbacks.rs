//! A receiver of the bank's callbacks.

use std::sync::{Arc, Mutex};

use poem::{
    Endpoint, Request, Response, Server,
    http::StatusCode,
    listener::{Acceptor, Listener, TcpListener},
};
use wallet::payouts::CallbackHeaders;

/// A callback, as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Callback {
    pub id: String,
    pub timestamp: String,
    pub signature: String,
    pub body: Vec<u8>,
}

/// Receives callbacks on a port of its own, until the test's runtime ends.
pub struct CallbackReceiver {
    pub url: String,
    received: Arc<Mutex<Vec<Callback>>>,
}

struct Receive {
    received: Arc<Mutex<Vec<Callback>>>,
    /// How many callbacks are answered with 503 first.
    refusals: usize,
}

impl Callback {
    pub fn headers(&self) -> CallbackHeaders<'_> {
        CallbackHeaders {
            id: Some(&self.id),
            timestamp: Some(&self.timestamp),
            signature: Some(&self.signature),
        }
    }
}

impl CallbackReceiver {
    /// A receiver that refuses the first callbacks.
    pub async fn start(refusals: usize) -> Self {
        let received: Arc<Mutex<Vec<Callback>>> = Arc::default();
        let acceptor = TcpListener::bind("127.0.0.1:0").into_acceptor().await.expect("a port");
        let address = acceptor.local_addr().remove(0);
        let port = address.as_socket_addr().expect("an address").port();
        let receive = Receive { received: Arc::clone(&received), refusals };
        tokio::spawn(Server::new_with_acceptor(acceptor).run(receive));
        Self { url: format!("http://127.0.0.1:{port}/callbacks"), received }
    }

    /// The callbacks so far, refused ones too.
    pub fn received(&self) -> Vec<Callback> {
        self.received.lock().unwrap().clone()
    }
}

impl Endpoint for Receive {
    type Output = Response;

    async fn call(&self, mut request: Request) -> poem::Result<Response> {
        let body = request.take_body().into_vec().await?;
        let header = |name: &str| request.header(name).unwrap_or_default().to_owned();
        let (id, timestamp) = (header("webhook-id"), header("webhook-timestamp"));
        let mut received = self.received.lock().unwrap();
        received.push(Callback { id, timestamp, signature: header("webhook-signature"), body });
        let is_taken = received.len() > self.refusals;
        Ok(if is_taken { StatusCode::NO_CONTENT } else { StatusCode::SERVICE_UNAVAILABLE }.into())
    }
}
