//! Whether the books are those that the topic has its messages from, and have all that it has.

use std::time::Duration;

use tokio::time::Instant;
use tracing::{error, warn};

use super::{
    interrupted::{Interrupted, OtherHistory},
    parts::{Progress, Relay},
};
use crate::{
    db::{Connection, with_connection_timeout},
    events::event::RowMark,
    kernel::books::LogMark,
    ledger::log::{self, Follower, Reader},
};

/// Between two error lines about one and the same trouble.
const ASK_AGAIN: Duration = Duration::from_secs(60);

/// Whether books that stand at `books` may publish to a topic whose latest message has the mark `topic`.
fn compare(topic: LogMark, books: LogMark) -> Result<(), OtherHistory> {
    if topic.books.id != books.books.id {
        return Err(OtherHistory::Foreign { topic, books });
    }
    // A generation that the topic does not know is an operator's decision to go on from where the books are.
    if topic.books.generation < books.books.generation {
        return Ok(());
    }
    let goes_on = topic.books == books.books && topic.position <= books.position;
    if goes_on { Ok(()) } else { Err(OtherHistory::Behind { topic, books }) }
}

impl Relay {
    /// The mark of the cursor, if the books go on where the topic ends.
    pub(super) async fn check_history(&self, conn: &mut Connection) -> Result<LogMark, Interrupted> {
        // The topic is asked first: what is published was committed before, so the books have it by now.
        let newest = self.bus.newest(&self.topic).await?;
        let books = with_connection_timeout(log::standing(conn, self.log)).await?;
        let topic = newest.iter().map(|message| message.mark).reduce(LogMark::later);
        match topic.map_or(Ok(()), |topic| compare(topic, books)) {
            Err(foreign @ OtherHistory::Foreign { .. }) if self.allows_other_books => {
                warn!(log = self.log.name(), "{foreign}; in development the relay publishes all the same");
            }
            compared => compared?,
        }
        self.check_rows(conn, &newest, books).await?;
        let behind = with_connection_timeout(log::sequences_behind(conn)).await?;
        if let Some((sequence, _)) = behind.into_iter().next() {
            return Err(OtherHistory::Sequence(sequence).into());
        }
        let cursor = with_connection_timeout(Follower::relay(self.log).position(conn)).await?;
        Ok(LogMark { books: books.books, position: cursor })
    }

    /// The rows of the newest messages are still the same in the books. Books that were restored may have gone on beyond the
    /// topic's position by the time that a relay looks.
    async fn check_rows(
        &self,
        conn: &mut Connection,
        newest: &[RowMark],
        books: LogMark,
    ) -> Result<(), Interrupted> {
        let of_these: Vec<&RowMark> =
            newest.iter().filter(|message| message.mark.books == books.books).collect();
        let keys: Vec<_> = of_these.iter().map(|message| (message.wallet, message.version)).collect();
        let rows = with_connection_timeout(Reader::new(self.log).find(conn, &keys)).await?;
        match of_these.iter().find(|message| !rows.iter().any(|row| message.is_of(row))) {
            Some(message) => Err(OtherHistory::Replaced { topic: message.mark, books }.into()),
            None => Ok(()),
        }
    }

    /// Says what an operator has to decide, loudly and once a minute.
    pub(super) fn ask_operator(&self, other: &OtherHistory, progress: &mut Progress) {
        self.state.block(self.log, other.to_string());
        if progress.asked_at.is_none_or(|at| at.elapsed() >= ASK_AGAIN) {
            progress.asked_at = Some(Instant::now());
            error!(log = self.log.name(), topic = self.topic, "nothing is published: {other}");
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::kernel::books::BooksId;

    fn mark(id: u128, generation: i64, position: i64) -> LogMark {
        LogMark { books: BooksId { id: Uuid::from_u128(id), generation }, position }
    }

    #[test]
    fn books_go_on_where_the_topic_ends_or_in_a_generation_that_it_does_not_know() {
        let books = mark(1, 2, 10);
        for topic in [mark(1, 2, 10), mark(1, 2, 3), mark(1, 1, 99)] {
            assert_eq!(compare(topic, books), Ok(()), "{topic}");
        }
        for topic in [mark(1, 2, 11), mark(1, 3, 1)] {
            assert_eq!(compare(topic, books), Err(OtherHistory::Behind { topic, books }));
        }
        let topic = mark(2, 1, 1);
        assert_eq!(compare(topic, books), Err(OtherHistory::Foreign { topic, books }));
    }
}
