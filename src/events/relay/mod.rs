//! The relay: from a log of the ledger to a topic, in order, nothing left out.
//!
//! One relay serves a log at a time, over all processes; the others stand by. It publishes what lies beyond its cursor
//! and moves the cursor after the bus has confirmed. Positions are handed out before commits, so it waits at the log's
//! barrier before it reads ([`log::barrier`](crate::ledger::log::barrier())). A wallet's entries get version and position
//! under its row lock, so they come in version order.
//!
//! A leader whose process stands still loses its lock within [`IDLE_LIMIT`](crate::ledger::log::IDLE_LIMIT): its session ends by itself, and a
//! relay that stands by takes over. When the old leader goes on, what it still has on its way are repeats: both began
//! at or before the first row not confirmed and publish in order, so each row's first occurrence is in order as well.

mod history;
mod interrupted;
mod late_rows;
mod leader;
mod parts;
mod run;
mod state;

pub use self::{parts::Relay, state::RelayState};
