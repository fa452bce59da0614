//! What the tests stand on.

pub mod app;
pub mod customer;
pub mod database;
pub mod operations;
pub mod process;
pub mod servers;
pub mod wait;
