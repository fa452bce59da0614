//! Everything that needs real servers: Postgres, Redis and Kafka are started by `scripts/stack` when the environment
//! does not name them; without them these tests fail, they never skip.

mod audit;
mod batches;
mod bus;
mod cache;
mod concurrency;
mod exercise;
mod kafka_faults;
mod keys;
mod kill;
mod migrations;
mod plans;
mod posting_loop;
mod redis_faults;
mod refresh_cache;
mod relay;
mod support;
mod terminate;
