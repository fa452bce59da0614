//! What happened, for people: lists and single transactions, read from the pool, outside the loop.

mod due_page;
mod entry_line;
mod history;
mod holds;
mod payouts;
mod releases;
mod transaction;

pub use self::{
    entry_line::{HistoryItem, line},
    history::{Filter, LIST, SCAN_MAX, list},
    holds::{FIND_HOLD, HoldEnd, HoldView, OPEN_HOLDS, find_hold, open_holds},
    payouts::{FIND_PAYOUT, PAYOUTS, PayoutView, find_payout, payouts},
    releases::{OPEN_RELEASES, OpenRelease, open_releases},
    transaction::{EntryView, FIND, TransactionView, find},
};
