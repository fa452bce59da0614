//! What requests are answered by.

use std::net::SocketAddr;

use hyper::{Request, Response, body::Incoming};

/// What requests are answered by.
pub trait Answering: Clone + Send + Sync + 'static {
    /// The body of an answer.
    type Body: hyper::body::Body<Data: Send, Error: Into<Box<dyn std::error::Error + Send + Sync>>>
        + Send
        + 'static;

    /// Answers a request; whatever it is, an answer comes out.
    fn answer(
        &self,
        request: Request<Incoming>,
        peer: SocketAddr,
    ) -> impl Future<Output = Response<Self::Body>> + Send;
}
