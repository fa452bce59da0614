//! A wallet service that is right and fast at once: every decision is made under row locks, and requests that arrive
//! while a batch commits share the next batch. `docs/architecture.md` is the map of the rooms below.

// Both panic when their stream is closed or full: app::output prints instead.
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
pub mod fail_point;
pub mod identity;
pub mod kernel;
pub mod ledger;
pub mod limits;
pub mod payments;
pub mod payouts;
pub mod simulated_bank;
pub mod telemetry;
