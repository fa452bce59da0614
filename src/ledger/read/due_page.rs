//! Pages of what is to come.

use crate::kernel::pagination::{DueCursor, Page};

/// A page of at most `limit` of these rows, of which one more than that was asked for.
pub(super) fn due_page<T>(
    mut items: Vec<T>,
    limit: u16,
    cursor: impl FnOnce(&T) -> DueCursor,
) -> Page<T, DueCursor> {
    let is_last = items.len() <= usize::from(limit);
    items.truncate(usize::from(limit));
    let next = if is_last { None } else { items.last().map(cursor) };
    Page { items, next }
}
