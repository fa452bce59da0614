//! The service behind a door.

use std::net::SocketAddr;

use hyper::{Request, Response, body::Incoming};

/// The service that answers requests.
pub trait Answering: Clone + Send + Sync + 'static {
    /// The body of an answer.
    type Body: hyper::body::Body<Data: Send, Error: Into<Box<dyn std::error::Error + Send + Sync>>>
        + Send
        + 'static;

    /// Answers a request, also an invalid one.
    fn answer(
        &self,
        request: Request<Incoming>,
        peer: SocketAddr,
    ) -> impl Future<Output = Response<Self::Body>> + Send;
}
