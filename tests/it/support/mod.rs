//! Support for the tests.

pub mod app;
pub mod books;
pub mod bus;
pub mod certificates;
pub mod customer;
pub mod database;
pub mod directory;
pub mod fragile_cache;
pub mod leftovers;
pub mod load;
pub mod no_books;
pub mod odd_redis;
pub mod operations;
pub mod own_server;
pub mod pgbouncer;
pub mod process;
pub mod proxy;
pub mod raw;
pub mod reader;
pub mod servers;
pub mod service;
pub mod stall;
pub mod topic;
pub mod topic_audit;
pub mod views;
pub mod wait;
