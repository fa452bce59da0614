//! A wallet service that is right and fast at once: row locks hold the truth, and requests that arrive while a
//! commit is under way share the next one. `docs/architecture.md` is the map of the rooms below.

// Both panic where what they write to is closed or full: app::output prints.
#![cfg_attr(not(test), deny(clippy::print_stdout, clippy::print_stderr))]

pub mod accounts;
pub mod adapters;
pub mod api;
pub mod app;
pub mod cache;
pub mod config;
pub mod consumers;
pub mod customers;
pub mod db;
pub mod door;
pub mod events;
pub mod identity;
pub mod kernel;
pub mod ledger;
pub mod limits;
pub mod payments;
pub mod telemetry;
