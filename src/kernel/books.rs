//! Which books something belongs to, and how far their logs had come: enough to distinguish one history of the books
//! from another.

use std::{fmt, str::FromStr};

use uuid::Uuid;

/// The books, and which of their histories. A generation begins when the books were restored to an earlier moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BooksId {
    /// Made with the books; a copy of the database has the same id.
    pub id: Uuid,
    /// 1, and then higher with each restore: the greatest of one more and the seconds since 1970.
    pub generation: i64,
}

impl BooksId {
    /// The generation that books begin with.
    pub const FIRST_GENERATION: i64 = 1;
}

/// A row's place in a log, in one history of one set of books. As text `<id>/<generation>/<position>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LogMark {
    pub books: BooksId,
    pub position: i64,
}

impl LogMark {
    /// The mark of the later history, or of one history the higher one.
    #[must_use]
    pub fn later(self, other: Self) -> Self {
        let place = |mark: &Self| (mark.books.generation, mark.position);
        if place(&other) > place(&self) { other } else { self }
    }
}

impl fmt::Display for LogMark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.books.id, self.books.generation, self.position)
    }
}

impl FromStr for LogMark {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut parts = text.split('/');
        let mut next = || parts.next().ok_or(());
        let id = next()?.parse().map_err(drop)?;
        let generation = next()?.parse().map_err(drop)?;
        let position = next()?.parse().map_err(drop)?;
        if parts.next().is_some() {
            return Err(());
        }
        Ok(Self { books: BooksId { id, generation }, position })
    }
}

/// How far both logs had come at one moment, and in which line of Postgres' own history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    pub books: BooksId,
    /// Changes with each failover, point-in-time recovery, or restore into another cluster: the last commits of the old
    /// line may be missing.
    pub lineage: String,
    /// The highest positions of committed rows; 0 before the first.
    pub entries: i64,
    pub status_changes: i64,
}

impl Standing {
    /// Whether books at this point have all rows that they had at `earlier`.
    #[must_use]
    pub fn continues(&self, earlier: &Self) -> bool {
        self.books == earlier.books
            && self.lineage == earlier.lineage
            && self.entries >= earlier.entries
            && self.status_changes >= earlier.status_changes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(generation: i64, position: i64) -> LogMark {
        LogMark { books: BooksId { id: Uuid::from_u128(7), generation }, position }
    }

    #[test]
    fn a_mark_is_read_back_from_its_text() {
        let text = mark(2, 31).to_string();
        assert_eq!(text, "00000000-0000-0000-0000-000000000007/2/31");
        assert_eq!(text.parse(), Ok(mark(2, 31)));
        for broken in ["", "x/1/2", "00000000-0000-0000-0000-000000000007/2", &format!("{text}/4"), "7/1/x"] {
            assert_eq!(broken.parse::<LogMark>(), Err(()), "{broken}");
        }
    }

    #[test]
    fn books_that_lack_anything_of_before_do_not_continue_it() {
        let books = BooksId { id: Uuid::from_u128(7), generation: 2 };
        let earlier = Standing { books, lineage: "1/00000001".to_owned(), entries: 5, status_changes: 3 };
        let with = |change: fn(&mut Standing)| {
            let mut standing = earlier.clone();
            change(&mut standing);
            standing.continues(&earlier)
        };
        assert!(with(|_| ()) && with(|standing| standing.entries = 6));
        assert!(!with(|standing| standing.entries = 4));
        assert!(!with(|standing| standing.status_changes = 2));
        assert!(!with(|standing| standing.books.generation = 3));
        assert!(!with(|standing| standing.lineage = "1/00000002".to_owned()));
    }

    #[test]
    fn a_later_history_goes_before_a_higher_position() {
        assert_eq!(mark(2, 1).later(mark(1, 9)), mark(2, 1));
        assert_eq!(mark(2, 1).later(mark(2, 9)), mark(2, 9));
        assert_eq!(mark(2, 1).later(mark(3, 1)), mark(3, 1));
    }
}
