//! Why a relay does not go on as it did.

use thiserror::Error;

use crate::{
    db::DbError,
    events::bus::{BusError, PublishError},
    kernel::books::LogMark,
};

/// Why the relay had to begin again.
#[derive(Debug, Error)]
pub(super) enum Interrupted {
    #[error(transparent)]
    Db(#[from] DbError),
    #[error(transparent)]
    Publish(#[from] PublishError),
    #[error(transparent)]
    Bus(#[from] BusError),
    /// The books are not those, or not where, the topic has them from: nothing is published until an operator has decided.
    #[error(transparent)]
    History(#[from] OtherHistory),
    #[error("the books have begun generation {0}")]
    NewGeneration(i64),
    #[error("an event cannot be written: {0}")]
    Event(#[from] serde_json::Error),
}

/// What keeps a relay from publishing until an operator has decided.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(super) enum OtherHistory {
    #[error(
        "the topic has messages up to {topic}, the books end at {books}: they were restored to an earlier moment. \
         Restore the later books, or run `wallet books new-generation` to go on from these (docs/operations.md)"
    )]
    Behind { topic: LogMark, books: LogMark },
    #[error(
        "the topic has a message of {topic} that the books do not have, though they go on to {books}: they were restored to \
         an earlier moment. Restore the later books, or run `wallet books new-generation` to go on from these \
         (docs/operations.md)"
    )]
    Replaced { topic: LogMark, books: LogMark },
    #[error(
        "the topic has messages of other books, {topic}; these are {books}. Name the books' own topic, or another one \
         (docs/operations.md)"
    )]
    Foreign { topic: LogMark, books: LogMark },
    #[error(
        "the sequence {0} is behind the rows or the cursor of its log, and would hand positions out twice: \
         start a process again, which sets it right"
    )]
    Sequence(String),
}
