//! Words that several rooms share: pure values, no I/O.

pub mod actor;
pub mod books;
pub mod buckets;
pub mod clock;
pub mod currency;
pub mod fail_point;
pub mod finding;
pub mod ids;
pub mod money;
pub mod network;
pub mod page;
pub mod quota;
pub mod status;
