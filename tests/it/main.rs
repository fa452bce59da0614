//! Everything that needs real servers: Postgres, Redis and Kafka are started by `scripts/stack` when the environment
//! does not name them; without them these tests fail, they never skip.

mod audit;
mod exercise;
mod migrations;
mod plans;
mod posting_loop;
mod relay;
mod support;
