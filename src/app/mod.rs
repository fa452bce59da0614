//! Composition: connects to the servers, chooses the implementations, and has one file for each command.

pub mod audit;
pub mod books;
pub mod bootstrap;
pub mod cache;
pub mod cli;
mod freeze;
pub mod health;
mod listen;
pub mod migrate;
pub mod module;
pub mod openapi;
mod output;
mod payouts;
pub mod serve;
mod simulate_bank;
pub mod single_flight;
mod startup_banner;
pub mod supervisor;
pub mod token;
pub mod workers;
