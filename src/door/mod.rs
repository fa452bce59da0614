//! The door: connections over TCP, their number, their time limits and their end. HTTP/1.1 is spoken by hyper; what a request
//! means is none of this room's business.
//!
//! | a connection is | limit | then |
//! | --- | --- | --- |
//! | new, or has sent a part of a head | [`Limits::head`] | closed |
//! | busy: its request is answered | none here; the answer's own limits are well below a minute | |
//! | answering: the answer is written | [`Limits::write`] without progress | closed |
//! | idle: between two requests | [`Limits::idle`] | closed |
//! | one too many | | the longest idle one is closed |

mod accept;
mod activity;
mod connection;
mod descriptors;
mod registry;
mod watched;

use std::{net::SocketAddr, time::Duration};

use hyper::{Request, Response, body::Incoming};
use tokio_util::sync::CancellationToken;

pub use accept::Door;
pub use descriptors::{connections_max, raise_limit};

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

/// What one connection may cost.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How many connections there may be at once.
    pub connections_max: usize,
    /// How long a head may take, from the connection's beginning or from the head's first byte.
    pub head: Duration,
    /// How long a connection may be idle between two requests.
    pub idle: Duration,
    /// How long the peer may take none of an answer.
    pub write: Duration,
    /// How large a head may be, in bytes; a larger one is refused with 431.
    pub head_bytes_max: usize,
}

impl Limits {
    /// The limits for this number of connections.
    #[must_use]
    pub const fn with_connections(connections_max: usize) -> Self {
        Self {
            connections_max,
            head: Duration::from_secs(10),
            idle: Duration::from_secs(75),
            write: Duration::from_secs(10),
            head_bytes_max: 32 * 1024,
        }
    }

    fn shortest(&self) -> Duration {
        self.head.min(self.idle).min(self.write)
    }
}

/// The end of a door, in three steps; each takes place once its token is cancelled.
#[derive(Clone, Debug, Default)]
pub struct Closing {
    /// Answers carry `Connection: close`; new connections are accepted as before.
    pub announced: CancellationToken,
    /// Nothing more is accepted. What was read is answered; a connection without a whole head is closed.
    pub closed: CancellationToken,
    /// Every connection is closed, whatever it is doing.
    pub abandoned: CancellationToken,
}
