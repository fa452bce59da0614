//! Everything that needs real servers: Postgres, Redis and Kafka are started by `scripts/stack` when the environment
//! does not name them; without them these tests fail, they never skip.

mod access;
mod audit;
mod bus;
mod cache;
mod commands;
mod contract;
mod exercise;
mod kafka_faults;
mod migrations;
mod module;
mod plans;
mod posting_loop;
mod readme;
mod redis_faults;
mod refresh_cache;
mod relay;
mod support;
