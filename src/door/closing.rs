//! The shutdown of a door.

use tokio_util::sync::CancellationToken;

/// The shutdown of a door, in three steps; each begins when its token is cancelled.
#[derive(Clone, Debug, Default)]
pub struct Closing {
    /// Answers carry `Connection: close`; new connections are accepted as before.
    pub announced: CancellationToken,
    /// No connection is accepted. Requests that were read are answered; a connection without a whole head is closed.
    pub closed: CancellationToken,
    /// Every connection is closed, in any phase.
    pub abandoned: CancellationToken,
}
