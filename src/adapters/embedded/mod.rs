//! What serves without Kafka and without Redis: a bus and a cache inside this process, for one process or a few. They
//! keep the same rules as the real ones, as long as the process lives.

mod bus;
mod cache;
mod counts;
mod group;

pub use bus::InProcessBus;
pub use cache::InProcessCache;
pub use counts::InProcessCounts;
