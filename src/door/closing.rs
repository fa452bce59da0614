//! How a door ends.

use tokio_util::sync::CancellationToken;

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
