//! What is published: every entry and every status change, in order for each wallet, never before its commit. The
//! relay reads the ledger's logs and publishes; the bus is a port.

pub mod audit;
pub mod bus;
pub mod event;
pub mod milestones;
pub mod relay;
pub mod store;
pub mod topic_reader;
pub mod topic_watcher;
pub mod topics;
