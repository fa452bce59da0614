//! Redis: the balance cache that all processes share, and the sums of their limits. A wallet is one hash, and each of its
//! two parts is replaced only by a newer one. An unreachable or frozen Redis costs one request its timeout; after that
//! no request is sent until it answers again.

mod address;
mod cache;
mod connection;
mod counts;
mod fields;
mod keys;
mod mark;
mod mode;
mod reconnector;
mod refusals;
mod scripts;
mod tickets;
mod unsynced_statuses;

pub use address::RedisAddress;
pub use cache::{RedisCache, TIME_TO_LIVE};
pub use counts::RedisCounts;
pub use keys::wallet_key;
