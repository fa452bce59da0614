//! A bus and a cache inside this process, used without Kafka and without Redis, for one process or a few. They follow the
//! rules of the real ones, as long as the process lives.

mod bus;
mod cache;
mod counts;
mod group;

pub use bus::InProcessBus;
pub use cache::InProcessCache;
pub use counts::InProcessCounts;
