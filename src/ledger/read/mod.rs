//! What happened, for people: lists and single transactions, read from the pool, outside the loop.

mod entry_line;
mod history;
mod releases;
mod transaction;

pub use self::{
    entry_line::{HistoryItem, line},
    history::{Filter, LIST, SCAN_MAX, list},
    releases::{OPEN_RELEASES, OpenRelease, open_releases},
    transaction::{EntryView, FIND, TransactionView, find},
};
