//! Composition: what is connected, which implementation runs, and one file for each command.

pub mod audit;
pub mod background;
pub mod books;
pub mod bootstrap;
pub mod cache;
pub mod cli;
mod freeze;
mod greeting;
pub mod health;
mod listen;
pub mod migrate;
pub mod module;
pub mod openapi;
mod output;
pub mod serve;
pub mod single_flight;
pub mod supervisor;
pub mod token;
