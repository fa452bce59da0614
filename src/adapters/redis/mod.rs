//! Redis: the balance cache that all processes share, and the sums of their limits. One hash for each wallet, each of its two parts replaced only by
//! a newer one. Redis that is away or frozen costs one request its time limit; after that nobody asks until it
//! answers again.

mod address;
mod cache;
mod counts;
mod fields;
mod link;
mod mark;
mod missed;
mod mode;
mod refusals;
mod scripts;

pub use address::RedisAddress;
pub use cache::{RedisCache, TIME_TO_LIVE, wallet_key};
pub use counts::RedisCounts;
