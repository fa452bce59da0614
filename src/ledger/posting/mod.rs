//! Posting: operations wait in a bounded queue, the scheduler ([`Backlog`](backlog::Backlog)) forms batches, batch writers run
//! them against Postgres, and their callers are answered after the commit. A dry run takes the same decision without any of it.

mod answers;
mod backlog;
mod batch_clock;
mod batch_end;
mod batch_writer;
mod blockers;
mod left_out;
mod locking;
mod posting_loop;
mod preview;
mod put_back;
pub mod queue_gauge;
mod run_batch;
mod spans;
pub mod store;
mod time_limits;
mod waiting;

pub use self::{
    batch_clock::BatchClock,
    posting_loop::{LoopSettings, PostingLoop},
    preview::preview,
};
