//! Reading what was written, in order: the log of money (`entries`) and the log of status (`status_changes`), the
//! commit barrier that keeps a reader from skipping the rows of a slower batch, and a second look at what it skipped.

mod barrier;
mod follower;
mod generations;
mod holes;
mod leadership;
mod owners;
mod reader;
mod rows;
mod standing;

pub use self::{
    barrier::{barrier, writers},
    follower::Follower,
    generations::begin_generation,
    holes::{Holes, LATE_ENTRIES, LATE_STATUS_CHANGES, Range, filled, missing, running},
    leadership::{IDLE_LIMIT, Leadership, back_off, sign_of_life},
    owners::OWNERS,
    reader::{FIND_ENTRIES, FIND_STATUS_CHANGES, READ_ENTRIES, READ_STATUS_CHANGES, Reader},
    rows::{EntryRow, Log, LogRow, StatusChangeRow},
    standing::{STANDING_ENTRIES, STANDING_STATUS_CHANGES, advance_sequences, sequences_behind, standing},
};
