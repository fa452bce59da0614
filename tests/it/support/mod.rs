//! What the tests stand on.

pub mod database;
pub mod operations;
pub mod servers;
