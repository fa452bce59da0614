//! Pagination by cursor: the thousandth page costs as much as the first.

use thiserror::Error;
use uuid::Uuid;

use super::clock::Timestamp;

/// The number of rows that a page may have.
pub const LIMIT_RANGE: std::ops::RangeInclusive<u16> = 1..=1000;
/// The number of rows of a page if the caller gives none.
pub const DEFAULT_LIMIT: u16 = 100;

/// The end of a page: the version of its last row. Opaque to clients, so that its format may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor(pub i64);

/// The texts that [`Cursor::encode`] writes, as a regular expression.
pub const PATTERN: &str = "^v[0-9a-f]{16}$";

/// The end of a page of what is to come: the moment and the id of its last row. Opaque to clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DueCursor {
    pub due_at: Timestamp,
    pub id: Uuid,
}

/// The texts that [`DueCursor::encode`] writes, as a regular expression.
pub const DUE_PATTERN: &str = "^d[0-9a-f]{48}$";

/// The text is not a cursor of this service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not a cursor that an answer of this service gave")]
pub struct NotACursor;

impl Cursor {
    /// The text that a client receives and sends back.
    #[must_use]
    pub fn encode(self) -> String {
        format!("v{:016x}", self.0)
    }

    /// Reads what [`Cursor::encode`] wrote.
    pub fn decode(text: &str) -> Result<Self, NotACursor> {
        let digits = text.strip_prefix('v').filter(|d| d.len() == 16).ok_or(NotACursor)?;
        let version = i64::from_str_radix(digits, 16).map_err(|_| NotACursor)?;
        let cursor = Self(version);
        // Only the spelling that `encode` writes is accepted.
        if version > 0 && cursor.encode() == text { Ok(cursor) } else { Err(NotACursor) }
    }
}

impl DueCursor {
    /// The text that a client receives and sends back.
    #[must_use]
    pub fn encode(self) -> String {
        format!("d{:016x}{:032x}", self.due_at.timestamp_micros(), self.id.as_u128())
    }

    /// Reads what [`DueCursor::encode`] wrote.
    pub fn decode(text: &str) -> Result<Self, NotACursor> {
        let digits = text.strip_prefix('d').filter(|d| d.len() == 48 && d.is_ascii()).ok_or(NotACursor)?;
        let (due_at, id) = digits.split_at(16);
        let micros = i64::from_str_radix(due_at, 16).map_err(|_| NotACursor)?;
        let id = u128::from_str_radix(id, 16).map_err(|_| NotACursor)?;
        let due_at = Timestamp::from_timestamp_micros(micros).ok_or(NotACursor)?;
        let cursor = Self { due_at, id: Uuid::from_u128(id) };
        // Only the spelling that `encode` writes is accepted.
        if cursor.encode() == text { Ok(cursor) } else { Err(NotACursor) }
    }
}

/// The part of a list that is requested.
#[derive(Clone, Copy, Debug)]
pub struct PageRequest<C = Cursor> {
    /// The maximum number of rows.
    pub limit: u16,
    /// Only rows beyond this one.
    pub after: Option<C>,
}

/// A part of a list.
#[derive(Clone, Debug)]
pub struct Page<T, C = Cursor> {
    /// The rows, in the order of the list.
    pub items: Vec<T>,
    /// The cursor of the next page; none on the last page.
    pub next: Option<C>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_of_what_is_to_come_survives_the_round_trip_and_nothing_else_is_one() {
        let due_at = Timestamp::from_timestamp_micros(1_767_225_600_000_001).unwrap();
        let cursor = DueCursor { due_at, id: Uuid::from_u128(17) };
        let text = cursor.encode();
        assert_eq!(DueCursor::decode(&text), Ok(cursor));
        for wrong in ["", "d", "v0000000000000011", &text[1..], &text.to_uppercase(), &format!("{text}0")] {
            assert_eq!(DueCursor::decode(wrong), Err(NotACursor), "{wrong}");
        }
        assert_eq!(DueCursor::decode(&format!("d{}", "é".repeat(24))), Err(NotACursor));
    }

    #[test]
    fn a_cursor_survives_the_round_trip_and_nothing_else_is_one() {
        assert_eq!(Cursor::decode(&Cursor(17).encode()), Ok(Cursor(17)));
        for wrong in [
            "",
            "17",
            "v17",
            "v000000000000000g",
            "v+00000000000001",
            "vFFFFFFFFFFFFFFFF",
            "v0000000000000000",
        ] {
            assert_eq!(Cursor::decode(wrong), Err(NotACursor), "{wrong}");
        }
    }
}
