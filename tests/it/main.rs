//! Everything that needs real servers: Postgres, Redis and Kafka are started by `scripts/stack` when the environment
//! does not name them; without them these tests fail, they never skip.

// Numbers of tests are small.
#![allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap, clippy::cast_sign_loss)]
// A test that cannot go on says so by a panic.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod access;
mod admin;
mod audit;
mod bank;
mod batch_clock;
mod batches;
mod bus;
mod cache;
mod cache_audit;
mod commands;
mod concurrency;
mod connections;
mod contract;
mod door;
mod exercise;
#[cfg(debug_assertions)]
mod fail_points;
mod foreign_messages;
mod golden;
mod health;
mod history;
mod history_of_books;
mod holds;
mod kafka_faults;
mod keys;
mod kill;
mod lease;
mod limits;
mod locked_rows;
mod lost_commits;
mod migrations;
mod model;
mod module;
mod outages;
mod passing_troubles;
mod payout_callbacks;
mod payout_faults;
mod payouts;
mod people;
mod plans;
mod posting_loop;
mod privacy;
mod readme;
mod redis_faults;
mod redis_refusals;
mod refresh_cache;
mod relay;
mod releases;
mod roles;
mod schema;
mod scripts;
mod spans;
mod steps;
mod stress;
mod support;
mod terminate;
mod tickets;
mod tls;
mod top_transfers;
mod topic_audit;
mod transfers;
mod two_servers;
mod unfit_servers;
