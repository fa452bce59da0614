//! The mark in Redis: which history of the books the entries are from.

use redis::{Cmd, RedisResult};

use super::fields::is_of_another_type;
use crate::{
    cache::CacheMark,
    kernel::books::{BooksId, Standing},
};

/// The fields that are read, in this order.
const NAMES: [&str; 6] = ["epoch", "books", "generation", "lineage", "entries", "status_changes"];

/// The values of [`NAMES`], as they were found.
pub(super) type Found = [Option<String>; NAMES.len()];

/// Reads the mark.
pub(super) fn read(key: &str) -> Cmd {
    let mut command = redis::cmd("HMGET");
    command.arg(key).arg(&NAMES);
    command
}

/// The mark. None: there is none, or one that cannot be read and will be replaced.
pub(super) fn mark(found: RedisResult<Found>) -> RedisResult<Option<CacheMark>> {
    match found {
        Ok(found) => Ok(parse(&found)),
        Err(error) if is_of_another_type(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// An epoch without the rest is a mark that no books continue.
fn parse(found: &Found) -> Option<CacheMark> {
    let [epoch, books, generation, lineage, entries, status_changes] = found.each_ref().map(Option::as_deref);
    let number = |text: Option<&str>| text.and_then(|text| text.parse().ok());
    let id = books.and_then(|text| text.parse().ok()).unwrap_or_default();
    let books = BooksId { id, generation: number(generation).unwrap_or_default() };
    let standing = Standing {
        books,
        lineage: lineage.unwrap_or_default().to_owned(),
        entries: number(entries).unwrap_or(i64::MAX),
        status_changes: number(status_changes).unwrap_or(i64::MAX),
    };
    Some(CacheMark { standing, epoch: epoch?.to_owned() })
}

/// One call of the script with this hash: `mark` takes the place of the one with the epoch `known`.
pub(super) fn note(script: &str, key: &str, known: &str, mark: &CacheMark) -> Cmd {
    let CacheMark { standing: Standing { books, lineage, entries, status_changes }, epoch } = mark;
    let mut command = redis::cmd("EVALSHA");
    command.arg(script).arg(1).arg(key).arg(known).arg(epoch).arg(books.id.to_string());
    command.arg(books.generation).arg(lineage).arg(entries).arg(status_changes);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_that_cannot_be_read_whole_is_continued_by_no_books() {
        let text = |text: &str| Some(text.to_owned());
        let id = "00000000-0000-0000-0000-000000000007";
        let whole = [text("e"), text(id), text("2"), text("1/1"), text("5"), text("3")];
        let mark = parse(&whole).unwrap();
        assert!(mark.standing.continues(&mark.standing));
        for missing in 1..NAMES.len() {
            let mut found = whole.clone();
            found[missing] = None;
            assert!(!mark.standing.continues(&parse(&found).unwrap().standing), "{}", NAMES[missing]);
        }
        assert_eq!(parse(&Found::default()), None);
    }
}
