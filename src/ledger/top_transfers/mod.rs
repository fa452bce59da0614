//! The largest transfers of a wallet, in and out: [`largest()`] answers exactly at every moment, from the wallet's stored lists and
//! its entries since then; [`TopTransfersFollower`] follows the log and stores the lists, so that the rest stays short.

mod follower;
mod lists;
mod pending;
mod reader;
pub mod store;

pub use self::{
    follower::TopTransfersFollower,
    lists::KEPT,
    reader::{LargestTransfers, largest},
};
